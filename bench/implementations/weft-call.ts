import { compile, type Device, fromHost, isTensor, put, type SpecsOf, type Tensor } from '../../src/index.ts'
import { flatten } from '../../src/util/tree.ts'
import type { Outputs, Prepared } from '../implementation.ts'
import type { InputArray } from '../inputs.ts'
import { type Built, builtOf } from './weft-built.ts'

export type Target = Device | 'reference'

/** A problem as weft runs it. */
export interface WeftPrepared extends Prepared {
  /** What the compiler made of it. */
  built(device: Device): Built
}

export const tensorOf = ({ shape, data }: InputArray): Tensor =>
  fromHost({ dtype: data instanceof Int32Array ? 'i32' : 'f32', shape, data })

/** Every tensor of the benchmark that is read is f32. */
export const floatsOf = async (tensor: Tensor): Promise<Float32Array> => (await tensor.readHost()).data as Float32Array

/** A pure function of trees, compiled, with its arguments on the device. */
export async function prepareCall<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  device: Target,
  outputsOf: (result: R) => Promise<Outputs>,
): Promise<WeftPrepared> {
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
    built: (on) => builtOf(compiled, args, [], on),
    dispose() {
      compiled.dispose()
      disposeAll(placed)
    },
  }
}

/** What goes on from step to step, updated in place, and what a step gives beside it. */
export interface Step<S> {
  readonly state: S
  readonly result: Tensor
}

/** Steps that go on from each other, from `start`. `outputsOf` makes as many as it wants, from the start again. */
export async function prepareSteps<S, B>(
  step: (state: S, batch: B) => Step<S>,
  start: S,
  batch: B,
  device: Target,
  outputsOf: (next: () => Promise<Step<S>>) => Promise<Outputs>,
): Promise<WeftPrepared> {
  const args = [start, batch] as const
  const compiled = compile(step, args as unknown as SpecsOf<[state: S, batch: B]>, { device, donate: [0] }) // as in prepareCall
  const placed = await put(batch, device)
  // Tensors of the host are not taken over, so that it can begin from them again.
  let now = start
  const next = async (): Promise<Step<S>> => {
    const made = await compiled(now, placed)
    await finish(device)
    now = made.state
    return made
  }
  return {
    async run() {
      ;(await next()).result.dispose()
    },
    async outputs() {
      if (now !== start) disposeAll(now)
      now = start
      return outputsOf(next)
    },
    built: (on) => builtOf(compiled, args, [0], on),
    dispose() {
      compiled.dispose()
      disposeAll([now, placed])
    },
  }
}

export async function finish(device: Target): Promise<void> {
  if (device !== 'reference') await device.finish()
}

export function disposeAll(tree: unknown): void {
  for (const tensor of flatten(tree, isTensor).leaves) tensor.dispose()
}
