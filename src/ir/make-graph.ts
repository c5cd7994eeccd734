import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { type Flat, flatten } from '../util/tree.ts'
import { type Equation, type Graph, makeGraph, type TensorType, tensorType } from './graph.ts'
import { isSpec, type Spec } from './ops/spec.ts'
import type { Prim } from './prim.ts'
import { constant } from './prims/index.ts'
import { failShape } from './shape.ts'
import { hostArrayOf, isTensor, type Tensor } from './tensor.ts'
import { trace } from './trace.ts'

export interface TraceOptions {
  /** Name of the graph. */
  readonly name?: string
  /** Names of the parameters, which prefix the names of the inputs; otherwise their positions. */
  readonly argNames?: readonly string[]
  /** Sizes of the named dimensions. */
  readonly sizes?: Readonly<Record<string, number>>
}

export interface TracedTree {
  readonly graph: Graph
  /** Tensors from outside that the function used; they follow the arguments among the graph's inputs. */
  readonly captures: readonly Tensor[]
  /** The arguments' leaves, in the order of the graph's inputs. */
  readonly args: Flat<Tensor | Spec>
  /** The result's leaves, in the order of the graph's outputs. */
  readonly result: Flat<Tensor>
}

const isLeaf = (x: unknown): x is Tensor | Spec => isTensor(x) || isSpec(x)

/** Type of a leaf; `sizes` gives the names' sizes. @throws ShapeError for a name without one. */
function typeOf(leaf: Tensor | Spec, path: string, sizes: Readonly<Record<string, number>>): TensorType {
  const shape = leaf.shape.map((d) => {
    const size = typeof d === 'number' ? d : sizes[d]
    if (size === undefined) failShape(`trace: dimension '${d}' of ${path} has no size`, `give it: {sizes: {${d}: ...}}`)
    return size
  })
  return tensorType(leaf.dtype, shape)
}

/**
 * Traces a function of trees. Arguments are trees of specs, or of tensors (of which only the type counts).
 * Input names are the tree paths behind the parameter's position or name: `0.layers[0].w`.
 * @throws TraceError if the function returns anything but a tree of tensors.
 */
export function traceTree(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  { name = fn.name || 'main', argNames = [], sizes = {} }: TraceOptions = {},
): TracedTree {
  const flats = args.map((arg) => flatten(arg, isLeaf, `${name}: argument`))
  const paths = flats.flatMap((flat, i) =>
    flat.paths.map((path) => `${argNames[i] ?? i}${path === '' || path.startsWith('[') ? '' : '.'}${path}`),
  )
  const leaves = flats.flatMap((flat) => flat.leaves)
  const types = leaves.map((leaf, i) => ({ ...typeOf(leaf, paths[i]!, sizes), name: paths[i]! }))
  let result: Flat<Tensor> | undefined
  const { graph, captures } = trace(name, types, (...placeholders) => {
    let next = 0
    const trees = flats.map((flat) => flat.rebuild(flat.leaves.map(() => placeholders[next++]!)))
    result = flatten(fn(...(trees as never[])), isTensor, `${name}: the result`)
    return result.leaves
  })
  return { graph, captures, args: flatten([...args], isLeaf), result: result! }
}

/**
 * The graph of a function, complete in itself: concrete tensors that it captures become `literal` equations.
 * @throws TraceError as `traceTree`, or if it captures a tensor that is itself being traced.
 */
export function traceGraph(
  fn: (...args: never[]) => unknown,
  specs: readonly unknown[],
  name?: string,
  options: Omit<TraceOptions, 'name'> = {},
): Graph {
  const { graph, captures } = traceTree(fn, specs, name === undefined ? options : { ...options, name })
  return embedCaptures(graph, captures)
}

/** The graph with its last inputs, one per capture, made equations that hold their values. */
export function embedCaptures(graph: Graph, captures: readonly Tensor[]): Graph {
  const own = graph.inputs.length - captures.length
  const literals = captures.map((t, i): Equation => {
    if (t.content.kind === 'traced') {
      throw new TraceError(`${graph.name}: the function uses a tensor of another function that is being traced`, {
        at: userLocation(),
        hint: 'pass it as an argument',
      })
    }
    const prim: unknown = constant.literal
    return {
      prim: prim as Prim,
      inputs: [],
      attrs: { data: hostArrayOf(t, graph.name) },
      outputs: [graph.inputs[own + i]!],
    }
  })
  return makeGraph(graph.name, graph.inputs.slice(0, own), [...literals, ...graph.equations], graph.outputs)
}
