import { blockUntilReady, type Array as JaxArray, numpy as np, tree } from '@jax-js/jax'
import type { Outputs, Prepared } from '../implementation.ts'
import type { InputArray } from '../inputs.ts'

export const jaxArray = ({ shape, data }: InputArray): JaxArray => np.array(data, { shape: [...shape] })

/** Reads an array and gives it up. */
export const floatsOf = async (array: JaxArray): Promise<Float32Array> => (await array.data()) as Float32Array

/** A compiled function, called with the same arguments each time. `outputsOf` gives up the results. */
export function prepareCall<A extends [] | tree.JsTree<JaxArray>[], R extends tree.JsTree<JaxArray>>(
  compiled: ((...args: A) => R) & { dispose(): void },
  args: A,
  outputsOf: (result: R) => Promise<Outputs>,
): Prepared {
  const call = (): Promise<R> => blockUntilReady(compiled(...tree.ref(args)))
  return {
    async run() {
      tree.dispose(await call())
    },
    outputs: async () => outputsOf(await call()),
    dispose() {
      compiled.dispose()
      tree.dispose(args)
    },
  }
}
