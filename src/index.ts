/** weft: a functional tensor language and its compiler to WebGPU kernels. The public API. */

// The language: tensors, their types, operations.
export type { DataOf, DType, FloatDType, HostArray, IntDType, TypedArray } from './ir/dtype.ts'
export type { Attrs, Equation, Graph, TensorType, Value } from './ir/graph.ts'
export { type TraceOptions, traceGraph } from './ir/make-graph.ts'
export * from './ir/ops.ts'
export { fromHost, isTensor, type NestedNumbers, Tensor } from './ir/tensor.ts'
export type { _, Dim, Shape, ShapeMismatch, ShapeOf } from './ir/types.ts'

// Errors.
export * from './util/errors.ts'

// Transformations (autodiff).

// Compiling and running.

// Building blocks (nn).

// Training.
