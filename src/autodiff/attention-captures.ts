import { isFloat } from '../ir/dtype.ts'
import { type Graph, tensorType } from '../ir/graph.ts'
import { ATTENTION_TILE, type AttentionAttrs, FORWARD_OPERANDS } from '../ir/prims/attention.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import { range } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { trace } from '../ir/trace.ts'
import type { Saved } from './attention-vjp.ts'
import { batchGraph } from './batching.ts'
import { emitScan } from './emit-scan.ts'
import type { Grad, VjpGraph } from './rules.ts'

/**
 * Cotangents of the tensors that masks and scores capture (biases, slopes), by a loop over blocks of queries: the scores
 * of a block are computed again in plain operations, so that only [B,H,block,Tk] of them are ever stored.
 */
export function captureCotangents(
  attrs: AttentionAttrs,
  inputs: readonly Tensor[],
  saved: Saved,
  wanted: readonly boolean[],
  vjpGraph: VjpGraph,
): Grad[] {
  const captures = inputs.slice(FORWARD_OPERANDS)
  const active = captures.map((t, i) => wanted[FORWARD_OPERANDS + i]! && isFloat(t.dtype))
  if (!active.includes(true)) return captures.map(() => null)
  const [q, k, v] = inputs as readonly [Tensor, Tensor, Tensor]
  const [B, H, Tq] = q.shape as readonly [number, number, number]
  const blocks = Math.ceil(Tq / ATTENTION_TILE)
  const which = range(captures.length).filter((i) => active[i])
  const parts = {
    consts: [],
    carries: which.map((i) => o.zerosLike(captures[i]!)),
    xs: [
      o.mul(o.iota('i32', [blocks], 0), ATTENTION_TILE),
      ...[q, saved.ct].map((x) => inBlocks(x, 2)),
      ...[saved.logs, saved.sums].map((x) => inBlocks(x, 3)),
    ],
  }
  const loop = { length: blocks, reverse: false }
  const done = emitScan(undefined, 'attention.captures', parts, loop, ({ carries, xs }) => {
    const [start, queries, ct, logs, sums] = xs as readonly [Tensor, Tensor, Tensor, Tensor, Tensor]
    const block: Block = {
      scores: o.mul(products(queries, k), attrs.scale),
      weightCts: products(ct, v),
      logs,
      sums,
      query: o.add(start, o.iota('i32', [B, H, ATTENTION_TILE, k.shape[2]!], 2)),
      count: Tq,
    }
    const pulled = blockCotangents(attrs, block, captures, active, vjpGraph)
    return { carries: which.map((i, n) => (pulled[i] ? o.add(carries[n]!, pulled[i]) : carries[n]!)), ys: [] }
  })
  return captures.map((_, i) => (active[i] ? done.carries[which.indexOf(i)]! : null))
}

/** Queries along `axis`, cut into blocks along a new axis 0, padded with zeros. */
function inBlocks(x: Tensor, axis: number): Tensor {
  const blocks = Math.ceil(x.shape[axis]! / ATTENTION_TILE)
  const none = x.shape.map(() => 0)
  const padded = o.pad(x, none, none.with(axis, blocks * ATTENTION_TILE - x.shape[axis]!))
  return o.moveAxis(o.reshape(padded, x.shape.toSpliced(axis, 1, blocks, ATTENTION_TILE)), axis, 0)
}

/** [B,H,T,E] and [B,K,Tk,E] -> f32 [B,H,T,Tk]: all products of rows, with the heads of b shared. */
function products(a: Tensor, b: Tensor): Tensor {
  const [B, H, T, E] = a.shape as readonly [number, number, number, number]
  const [K, Tk] = [b.shape[1]!, b.shape[2]!]
  const folded = o.reshape(a, [B, K, (H / K) * T, E])
  const axes = { lhsContract: [3], rhsContract: [3], lhsBatch: [0, 1], rhsBatch: [0, 1] }
  return o.reshape(o.cast(o.dot(folded, b, axes), 'f32'), [B, H, T, Tk])
}

/** One block of R queries: f32 [B,H,R,Tk] but for logs and sums, f32 [B,G,H,R]. */
interface Block {
  readonly scores: Tensor
  readonly weightCts: Tensor
  readonly logs: Tensor
  readonly sums: Tensor
  /** i32 [B,H,R,Tk], each element's query; from `count` on there is none. */
  readonly query: Tensor
  readonly count: number
}

function blockCotangents(
  { score, groups }: AttentionAttrs,
  block: Block,
  captures: readonly Tensor[],
  active: readonly boolean[],
  vjpGraph: VjpGraph,
): Grad[] {
  const { shape } = block.scores
  const flat = (x: Tensor): Tensor => o.reshape(o.broadcastTo(x, shape), [block.scores.size])
  const axis = (a: number): Tensor => flat(o.iota('i32', shape, a))
  const given = [flat(block.scores), axis(0), axis(1), flat(block.query), axis(3)]
  const graph = onVectors(score, given, captures)
  const { outputs, pull } = vjpGraph(graph, [...given, ...captures], [...given.map(() => false), ...active])
  const inRange = o.lt(given[3]!, block.count)
  const cts = range(groups).flatMap((g): Grad[] => {
    const [logit, allowed] = [outputs[2 * g]!, outputs[2 * g + 1]!]
    const row = (x: Tensor): Tensor => flat(o.expandDims(groupOf(x, g), -1))
    const exponent = o.where(allowed, o.sub(logit, row(block.logs)), 0)
    const weight = o.where(o.and(allowed, inRange), o.exp(exponent), 0)
    return [o.mul(weight, o.sub(flat(block.weightCts), row(block.sums))), null]
  })
  return pull(cts).slice(given.length)
}

/** [B,G,H,R] -> [B,H,R]. */
const groupOf = (x: Tensor, g: number): Tensor =>
  o.squeeze(
    o.slice(
      x,
      x.shape.map((_, a) => (a === 1 ? g : 0)),
      x.shape.map((n, a) => (a === 1 ? g + 1 : n)),
    ),
    1,
  )

/** The scalar graph over vectors of scores and positions; captured tensors stay as they are. */
function onVectors(score: Graph, given: readonly Tensor[], captures: readonly Tensor[]): Graph {
  const types = [...given, ...captures].map((t) => tensorType(t.dtype, t.shape))
  const size = given[0]!.size
  const flags = types.map((_, i) => i < given.length)
  const { graph } = trace('scores', types, (...args) => {
    const result = batchGraph(score, args, flags, size)
    return result.outputs.map((t, i) => (result.batched[i] ? t : o.broadcastTo(o.expandDims(t, 0), [size])))
  })
  return graph
}
