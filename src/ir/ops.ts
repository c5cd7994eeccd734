/** The operations of the language, by topic. All work on concrete tensors too, on the reference evaluator. */
export * from './ops/activations.ts'
export * from './ops/control.ts'
export * from './ops/conv.ts'
export * from './ops/create.ts'
export * from './ops/einsum.ts'
export * from './ops/elementwise.ts'
export * from './ops/indexing.ts'
export * from './ops/join.ts'
export * from './ops/layout.ts'
export * from './ops/matmul.ts'
export * from './ops/random.ts'
export {
  type Axes,
  all,
  any,
  argmax,
  argmin,
  cumsum,
  max,
  mean,
  min,
  type ReduceOptions,
  sum,
  type VarianceOptions,
  variance,
} from './ops/reduce.ts'
export * from './ops/resize.ts'
export * from './ops/softmax.ts'
export * from './ops/sort.ts'
export * from './ops/spec.ts'
