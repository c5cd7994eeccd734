/** Transformations of functions: each traces the function to a graph and emits another in its place. */
export { type Argnums, type GradOf, type GradOptions, grad, valueAndGrad } from './grad.ts'
export { jvp } from './jvp.ts'
export { vjp } from './vjp.ts'
