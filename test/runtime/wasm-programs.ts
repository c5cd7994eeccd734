import type { BufferRef, DispatchStep, Program, ProgramTensor, WasmKernel } from '../../src/codegen/program.ts'
import { ADD_IN_PLACE, AXPY } from './wasm-kernels.ts'

export const f32 = (name: string, n: number, donated = false): ProgramTensor => ({
  name,
  dtype: 'f32',
  shape: [n],
  donated,
})

export const input = (index: number): BufferRef => ({ kind: 'input', index })
export const output = (index: number): BufferRef => ({ kind: 'output', index })
export const slot = (index: number): BufferRef => ({ kind: 'slot', index })
export const constant = (index: number): BufferRef => ({ kind: 'constant', index })

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

export const program = (parts: Partial<Program<WasmKernel>> & { readonly name: string }): Program<WasmKernel> => ({
  target: 'wasm',
  inputs: [],
  outputs: [],
  kernels: [],
  slots: [],
  constants: [],
  steps: [],
  ...parts,
})

/** `out = (a * 2 + b) * 3 + b`, through a temporary. */
export const twoSteps = (n: number): Program<WasmKernel> =>
  program({
    name: 'two_steps',
    inputs: [f32('args.a', n), f32('args.b', n)],
    outputs: [{ name: 'out', dtype: 'f32', shape: [n], aliasOf: null }],
    kernels: [AXPY],
    slots: [4 * n],
    steps: [
      dispatch(0, n, [n, 2], [input(0), input(1), slot(0)]),
      dispatch(0, n, [n, 3], [slot(0), input(1), output(0)]),
    ],
  })

/** `x + amount`, written over the donated x, `count` times. */
export const addInPlace = (n: number, amount: number, count = 1): Program<WasmKernel> =>
  program({
    name: 'add_in_place',
    inputs: [f32('x', n, true)],
    outputs: [{ name: 'x2', dtype: 'f32', shape: [n], aliasOf: 0 }],
    kernels: [ADD_IN_PLACE],
    steps: [{ kind: 'loop', count, steps: [dispatch(0, n, [n, amount], [output(0)])], label: 'loop' }],
  })

/** Its input and nothing else: no kernel runs. */
export const passThrough = (n: number): Program<WasmKernel> =>
  program({
    name: 'pass_through',
    inputs: [f32('x', n)],
    outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: 0 }],
  })
