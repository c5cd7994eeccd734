import { TraceError } from '../util/errors.ts'
import { captureSource, type SourceRef, userLocation } from '../util/source.ts'
import { type Attrs, type Equation, type Graph, makeGraph, type TensorType, tensorType, type Value } from './graph.ts'
import type { Prim } from './prim.ts'
import { type Builder, fromHost, hostArrayOf, isTensor, Tensor } from './tensor.ts'

/**
 * Tracing: a function runs once on placeholders, and every operation it applies is appended to a graph.
 * There is one current builder, the innermost; outside any builder operations run at once, on the reference
 * evaluator. A tensor of an outer function used by an inner one becomes an extra input of the inner graph.
 */
class GraphBuilder implements Builder {
  readonly equations: Equation[] = []
  readonly captures = new Map<unknown, { outer: Tensor; value: Value }>()
  constructor(readonly name: string) {}

  placeholder(value: Value): Tensor {
    return new Tensor(value.type.shape, value.type.dtype, { kind: 'traced', builder: this, value })
  }

  lift(t: Tensor, op: string): Value {
    const content = t.content
    if (content.kind === 'traced') {
      if (content.builder === this) return content.value
      if (!builders.some((b) => b === content.builder)) throw leaked(op)
    }
    const key = identityOf(t)
    const known = this.captures.get(key)
    if (known) return known.value
    const value: Value = { type: tensorType(t.dtype, t.shape) }
    this.captures.set(key, { outer: t, value })
    return value
  }
}

/** The same for two tensors that are one. */
const identityOf = ({ content }: Tensor): unknown =>
  content.kind === 'traced' ? content.value : content.kind === 'host' ? content.array : content.storage

const builders: GraphBuilder[] = []

let ambientSource: SourceRef | undefined

/** Runs `fn` with its equations said to come from `source`: what a derivative is a derivative of. */
export function withSource<T>(source: SourceRef | undefined, fn: () => T): T {
  const before = ambientSource
  ambientSource = source ?? before
  try {
    return fn()
  } finally {
    ambientSource = before
  }
}

const leaked = (op: string): TraceError =>
  new TraceError(`${op}: a tensor has escaped from the function in which it was traced`, {
    at: userLocation(),
    hint: 'return tensors from the traced function instead of storing them outside it',
  })

/**
 * Applies a primitive: appends an equation while tracing, or evaluates at once.
 * @throws ShapeError, DTypeError as the primitive's rule says; TraceError for an escaped tensor.
 */
export function bind(prim: Prim, inputs: readonly Tensor[], attrs: Attrs, source?: SourceRef): Tensor[] {
  const types = prim.infer(
    inputs.map((t) => tensorType(t.dtype, t.shape)),
    attrs,
  )
  const builder = builders.at(-1)
  if (!builder) {
    const arrays = inputs.map((t) => (t.content.kind === 'traced' ? failLeaked(prim.name) : hostArrayOf(t, prim.name)))
    return prim.evaluate(arrays, attrs, types).map(fromHost)
  }
  const outputs = types.map((type): Value => ({ type }))
  builder.equations.push({
    prim,
    inputs: inputs.map((t) => builder.lift(t, prim.name)),
    attrs,
    outputs,
    source: source ?? ambientSource ?? captureSource(),
  })
  return outputs.map((v) => builder.placeholder(v))
}

function failLeaked(op: string): never {
  throw leaked(op)
}

export interface Traced {
  readonly graph: Graph
  /** Tensors from outside that the function used; they follow the arguments among the graph's inputs. */
  readonly captures: readonly Tensor[]
}

/**
 * Runs `fn` on placeholders of the given types and returns the graph of what it did.
 * @throws TraceError if `fn` returns anything but tensors, or a promise.
 */
export function trace(
  name: string,
  types: readonly (TensorType & { readonly name?: string | undefined })[],
  fn: (...args: Tensor[]) => readonly Tensor[],
): Traced {
  const builder = new GraphBuilder(name)
  const inputs = types.map((t): Value => ({ type: tensorType(t.dtype, t.shape), name: t.name }))
  builders.push(builder)
  try {
    const results = fn(...inputs.map((v) => builder.placeholder(v)))
    for (const r of results) {
      if (!isTensor(r)) throw new TraceError(`${name}: the traced function returned something that is not a tensor`)
    }
    const outputs = results.map((t) => builder.lift(t, name))
    const captured = [...builder.captures.values()]
    return {
      graph: makeGraph(name, [...inputs, ...captured.map((c) => c.value)], builder.equations, outputs),
      captures: captured.map((c) => c.outer),
    }
  } finally {
    builders.pop()
  }
}

/** The graphs with all that any of them captures as their last inputs, the same tensors in the same order. */
export function shareCaptures(traced: readonly Traced[]): { readonly graphs: Graph[]; readonly captures: Tensor[] } {
  const captures = new Map<unknown, Tensor>()
  for (const t of traced.flatMap((x) => x.captures)) captures.set(identityOf(t), captures.get(identityOf(t)) ?? t)
  const graphs = traced.map(({ graph, captures: own }) => {
    const args = graph.inputs.slice(0, graph.inputs.length - own.length)
    const values = new Map(own.map((t, i) => [identityOf(t), graph.inputs[args.length + i]!]))
    const last = [...captures].map(([key, t]): Value => values.get(key) ?? { type: tensorType(t.dtype, t.shape) })
    return makeGraph(graph.name, [...args, ...last], graph.equations, graph.outputs)
  })
  return { graphs, captures: [...captures.values()] }
}

/** Applies a graph's equations to tensors, in the present trace (or at once outside any). */
export function inline(graph: Graph, args: readonly Tensor[]): Tensor[] {
  const env = new Map<Value, Tensor>()
  graph.inputs.forEach((v, i) => env.set(v, args[i]!))
  for (const e of graph.equations) {
    const results = bind(
      e.prim,
      e.inputs.map((v) => env.get(v)!),
      e.attrs,
      e.source,
    )
    e.outputs.forEach((v, i) => env.set(v, results[i]!))
  }
  return graph.outputs.map((v) => env.get(v)!)
}
