import { formatType, type Graph, makeGraph, sameType, tensorType } from '../ir/graph.ts'
import { customVjp as customVjpPrim } from '../ir/prims/nested.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { bind, trace } from '../ir/trace.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { type Flat, flatten } from '../util/tree.ts'
import { leafRanges, traceTree } from './trace-tree.ts'

/** For each argument its cotangent, a tree like the argument; null is zero. */
export type Cotangents<A extends readonly unknown[]> = { readonly [I in keyof A]: A[I] | null }

/**
 * A function with a backward pass of its own, used by `grad` and `vjp` in place of the derivative of `forward`.
 *
 * - `forward(...args)` returns `[result, residuals]`, trees of tensors; the residuals are what backward needs.
 * - `backward(residuals, ct)` takes the cotangent of the result, a tree like it, and returns one cotangent for each
 *   argument, or null for zero.
 *
 * Tensors that the functions close over have no gradient; pass them as arguments for one.
 *
 * @throws TraceError where `backward` returns something unlike the arguments.
 */
export function customVjp<A extends readonly unknown[], R, X>(
  forward: (...args: A) => readonly [result: R, residuals: X],
  backward: (residuals: X, ct: R) => Cotangents<A>,
): (...args: A) => R {
  return (...args) => {
    const traced = traceTree('customVjp', forward, args)
    const [resultSpan, residualSpan] = splitResult(traced.result, forward.name)
    const whole = traced.graph.outputs
    const type = (i: number) => whole[i]!.type
    const residualTypes = residualSpan.map(type)
    const resultTypes = resultSpan.map(type)
    const back = trace(backward.name || 'backward', [...residualTypes, ...resultTypes], (...leaves) => {
      // The pair in its own order: results first. Rebuilding keeps the structure that forward returned.
      const n = residualTypes.length
      const [ct, residuals] = traced.result.rebuild([...leaves.slice(n), ...leaves.slice(0, n)]) as [R, X]
      return cotangentsOf(backward(residuals, ct), args, traced.args)
    })
    const graphs = passCaptures(traced.graph, back.graph, back.captures, residualTypes.length)
    const inputs = [...traced.args.leaves, ...traced.captures, ...back.captures]
    const outputs = bind(customVjpPrim, inputs, { ...graphs, outputs: resultTypes.length })
    const [result] = traced.result.rebuild(outputs) as [R]
    return result
  }
}

/** Places of the result's leaves, and of the residuals', among those of the pair. */
function splitResult(pair: Flat<Tensor>, name: string): [number[], number[]] {
  const tree = pair.rebuild(pair.leaves)
  if (!Array.isArray(tree) || tree.length !== 2) {
    throw new TraceError(`customVjp: ${name || 'forward'} must return [result, residuals]`, {
      at: userLocation(),
      hint: 'where backward needs nothing, let the residuals be []',
    })
  }
  const count = flatten(tree[0], isTensor).leaves.length
  const all = pair.leaves.map((_, i) => i)
  return [all.slice(0, count), all.slice(count)]
}

function cotangentsOf(given: readonly unknown[], args: readonly unknown[], flat: Flat<Tensor>): Tensor[] {
  const fail = (message: string): never => {
    throw new TraceError(`customVjp: backward ${message}`, {
      at: userLocation(),
      hint: 'return a tuple with one cotangent for each argument, of its structure and shapes, or null for zero',
    })
  }
  if (!Array.isArray(given) || given.length !== args.length) fail(`did not return ${args.length} cotangents`)
  return leafRanges(args).flatMap(({ start, end }, n) => {
    const likes = flat.leaves.slice(start, end)
    const zerosOf = (t: Tensor): Tensor => rawOps.full(t.dtype, t.shape, 0)
    if (given[n] === null) return likes.map(zerosOf)
    const { leaves, structure } = flatten(given[n], isTensor, `customVjp: backward's cotangent ${n}`)
    const expected = flatten(args[n], isTensor).structure
    if (structure !== expected) fail(`returned the structure ${structure} for argument ${n}, which has ${expected}`)
    return leaves.map((ct, i) => {
      const [got, wanted] = [ct, likes[i]!].map((t) => tensorType(t.dtype, t.shape))
      if (!sameType(got!, wanted!)) {
        fail(`returned ${formatType(got!)} for argument${flat.paths[start + i]}, which is ${formatType(wanted!)}`)
      }
      return ct
    })
  })
}

/** Tensors that backward closes over become inputs of forward, which passes them on as residuals. */
function passCaptures(
  forward: Graph,
  backward: Graph,
  captures: readonly Tensor[],
  residuals: number,
): { forward: Graph; backward: Graph } {
  if (captures.length === 0) return { forward, backward }
  const passed = captures.map((t) => ({ type: tensorType(t.dtype, t.shape) }))
  const own = backward.inputs.length - captures.length
  const [before, cts, captured] = [
    backward.inputs.slice(0, residuals),
    backward.inputs.slice(residuals, own),
    backward.inputs.slice(own),
  ]
  return {
    forward: makeGraph(forward.name, [...forward.inputs, ...passed], forward.equations, [
      ...forward.outputs,
      ...passed,
    ]),
    backward: makeGraph(backward.name, [...before, ...captured, ...cts], backward.equations, backward.outputs),
  }
}
