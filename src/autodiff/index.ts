/** Transformations of functions: each traces the function to a graph and emits another in its place. */
export { checkpoint } from './checkpoint.ts'
export { type Cotangents, customVjp } from './custom-vjp.ts'
export { type Argnums, type GradOf, type GradOptions, grad, valueAndGrad } from './grad.ts'
export { jvp } from './jvp.ts'
export type { AxesPrefix } from './prefix.ts'
export { vjp } from './vjp.ts'
export { type Batch, type Lead, type VmapOptions, vmap } from './vmap.ts'
