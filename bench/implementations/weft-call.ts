import { compile, type Device, fromHost, isTensor, put, type SpecsOf, type Tensor } from '../../src/index.ts'
import { flatten } from '../../src/util/tree.ts'
import type { Outputs, Prepared } from '../implementation.ts'
import type { InputArray } from '../inputs.ts'

export type Target = Device | 'reference'

export const tensorOf = ({ shape, data }: InputArray): Tensor =>
  fromHost({ dtype: data instanceof Int32Array ? 'i32' : 'f32', shape, data })

/** A pure function of trees, compiled, with its arguments on the device. */
export async function prepareCall<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  device: Target,
  outputsOf: (result: R) => Promise<Outputs>,
): Promise<Prepared> {
  // Every leaf of the arguments is a tensor, which is a spec of itself.
  const compiled = compile(fn, args as unknown as SpecsOf<A>, { device })
  const placed = await put(args, device)
  const call = async (): Promise<R> => {
    const result = await compiled(...placed)
    await finish(device)
    return result
  }
  return {
    async run() {
      disposeAll(await call())
    },
    async outputs() {
      const result = await call()
      const outputs = await outputsOf(result)
      disposeAll(result)
      return outputs
    },
    dispose() {
      compiled.dispose()
      disposeAll(placed)
    },
  }
}

export async function finish(device: Target): Promise<void> {
  if (device !== 'reference') await device.finish()
}

export function disposeAll(tree: unknown): void {
  for (const tensor of flatten(tree, isTensor).leaves) tensor.dispose()
}
