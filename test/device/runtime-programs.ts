import type { DispatchStep, Program, WgslKernel } from '../../src/codegen/program.ts'

/** Hand-written programs for tests of the runtime. */

/** `out[i] = a[i] * scale + b[i]` for i < n; params n, scale (an integer), 0, 0. */
export const AXPY: WgslKernel = {
  target: 'wgsl',
  name: 'axpy',
  wgsl: `
struct Params { n: u32, scale: u32, p0: u32, p1: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { out[id.x] = a[id.x] * f32(params.scale) + b[id.x]; }
}`,
  bindings: ['read', 'read', 'read_write'],
  paramWords: 4,
  workgroupSize: [64, 1, 1],
  usesF16: false,
}

/** `x[i] += amount` in place; params n, amount, 0, 0. */
export const ADD_IN_PLACE: WgslKernel = {
  target: 'wgsl',
  name: 'add_in_place',
  wgsl: `
struct Params { n: u32, amount: u32, p0: u32, p1: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { x[id.x] += f32(params.amount); }
}`,
  bindings: ['read_write'],
  paramWords: 4,
  workgroupSize: [64, 1, 1],
  usesF16: false,
}

type Tensor = Program['inputs'][number]
export const f32 = (name: string, n: number, donated = false): Tensor => ({ name, dtype: 'f32', shape: [n], donated })

export const dispatch = (kernel: number, n: number, value: number, buffers: DispatchStep['buffers']): DispatchStep => ({
  kind: 'dispatch',
  kernel,
  buffers,
  params: [n, value, 0, 0],
  workgroups: [Math.ceil(n / 64), 1, 1],
  scratchBytes: 0,
  label: `step ${value}`,
  flops: 2 * n,
  bytes: 12 * n,
})

export const program = (parts: Partial<Program<WgslKernel>> & { readonly name: string }): Program<WgslKernel> => ({
  target: 'wgsl',
  inputs: [],
  outputs: [],
  kernels: [],
  slots: [],
  constants: [],
  steps: [],
  ...parts,
})

export const input = (index: number) => ({ kind: 'input', index }) as const
export const output = (index: number) => ({ kind: 'output', index }) as const
export const slot = (index: number) => ({ kind: 'slot', index }) as const
export const constant = (index: number) => ({ kind: 'constant', index }) as const

/** `out = (a * 2 + b) * 3 + b`, through a temporary. */
export const twoSteps = (n: number): Program<WgslKernel> =>
  program({
    name: 'two_steps',
    inputs: [f32('args.a', n), f32('args.b', n)],
    outputs: [{ name: 'out', dtype: 'f32', shape: [n], aliasOf: null }],
    kernels: [AXPY],
    slots: [4 * n],
    steps: [dispatch(0, n, 2, [input(0), input(1), slot(0)]), dispatch(0, n, 3, [slot(0), input(1), output(0)])],
  })

/** `x + amount`, written over the donated x, `count` times. */
export const addInPlace = (n: number, amount: number, count = 1): Program<WgslKernel> =>
  program({
    name: 'add_in_place',
    inputs: [f32('x', n, true)],
    outputs: [{ name: 'x2', dtype: 'f32', shape: [n], aliasOf: 0 }],
    kernels: [ADD_IN_PLACE],
    steps: [{ kind: 'loop', count, steps: [dispatch(0, n, amount, [output(0)])], label: 'loop' }],
  })

/** Its input and nothing else: no kernel runs. */
export const passThrough = (n: number): Program<WgslKernel> =>
  program({
    name: 'pass_through',
    inputs: [f32('x', n)],
    outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: 0 }],
  })

/** `x + 0.5` in f16, three elements. */
export const HALVES: Program<WgslKernel> = program({
  name: 'halves',
  inputs: [{ name: 'x', dtype: 'f16', shape: [3], donated: false }],
  outputs: [{ name: 'y', dtype: 'f16', shape: [3], aliasOf: null }],
  kernels: [
    {
      target: 'wgsl',
      name: 'halves',
      wgsl: `
enable f16;
@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x] + 0.5h; }`,
      bindings: ['read', 'read_write'],
      paramWords: 0,
      workgroupSize: [1, 1, 1],
      usesF16: true,
    },
  ],
  steps: [{ ...dispatch(0, 3, 0, [input(0), output(0)]), params: [], workgroups: [3, 1, 1] }],
})

/** `!x`, three elements. */
export const NOT: Program<WgslKernel> = program({
  name: 'not',
  inputs: [{ name: 'x', dtype: 'bool', shape: [3], donated: false }],
  outputs: [{ name: 'y', dtype: 'bool', shape: [3], aliasOf: null }],
  kernels: [
    {
      target: 'wgsl',
      name: 'not',
      wgsl: `
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = u32(x[id.x] == 0u); }`,
      bindings: ['read', 'read_write'],
      paramWords: 0,
      workgroupSize: [1, 1, 1],
      usesF16: false,
    },
  ],
  steps: [{ ...dispatch(0, 3, 0, [input(0), output(0)]), params: [], workgroups: [3, 1, 1] }],
})
