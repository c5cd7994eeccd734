import type { BufferRef, DispatchStep } from '../../src/codegen/program.ts'
import { programsOf } from './program-parts.ts'
import { ADD_IN_PLACE, AXPY } from './wasm-kernels.ts'

export { arena, constant, f32, input, output, temporary } from './program-parts.ts'

/** Groups of 64 elements; said to be so much work that it is shared whenever there is more than one group. */
export const dispatch = (
  kernel: number,
  n: number,
  params: readonly number[],
  buffers: readonly BufferRef[],
): DispatchStep => ({
  kind: 'dispatch',
  kernel,
  buffers,
  params,
  workgroups: [Math.ceil(n / 64), 1, 1],
  scratchBytes: 0,
  label: `step ${params.at(-1) ?? ''}`,
  flops: 1e6,
  bytes: 12 * n,
})

export const { program, twoSteps, addInPlace, passThrough } = programsOf({
  target: 'wasm',
  axpy: AXPY,
  addInPlace: ADD_IN_PLACE,
  step: (n, value, buffers) => dispatch(0, n, [n, value], buffers),
})
