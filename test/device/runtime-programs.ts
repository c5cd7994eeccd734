import type { DispatchStep, Program, WgslKernel } from '../../src/codegen/program.ts'
import { input, output, programsOf } from '../runtime/program-parts.ts'

export { arena, constant, f32, input, output, temporary } from '../runtime/program-parts.ts'

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
  subgroupSize: null,
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
  subgroupSize: null,
}

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

export const { program, twoSteps, addInPlace, passThrough } = programsOf({
  target: 'wgsl',
  axpy: AXPY,
  addInPlace: ADD_IN_PLACE,
  step: (n, value, buffers) => dispatch(0, n, value, buffers),
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
      subgroupSize: null,
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
      subgroupSize: null,
    },
  ],
  steps: [{ ...dispatch(0, 3, 0, [input(0), output(0)]), params: [], workgroups: [3, 1, 1] }],
})
