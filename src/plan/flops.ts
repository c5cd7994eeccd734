import { graphAttr, numberAttr, numbersAttr, passOf } from '../ir/attrs.ts'
import type { Equation, Graph } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'

/** Floating-point operations, a multiply-add being two. */
export interface Flops {
  /** Of products with weights, and of all other products. */
  readonly products: number
  /** Of attention's products of queries, keys and values, masked ones too: kernels skip tiles that are masked whole. */
  readonly attention: number
}

/** Counted from a graph after its passes, loops as often as they run. */
export function flopsOf(graph: Graph): Flops {
  let [products, attention] = [0, 0]
  for (const e of graph.equations) {
    const { kind } = e.prim
    if (kind === 'contract') products += ofProduct(e)
    else if (kind === 'attention') attention += ofAttention(e)
    else if (kind === 'loop') {
      const inner = flopsOf(graphAttr(e, 'body'))
      const length = numberAttr(e, 'length')
      products += length * inner.products
      attention += length * inner.attention
    }
  }
  return { products, attention }
}

function ofProduct(e: Equation): number {
  const lhs = e.inputs[0]!.type.shape
  const terms = numbersAttr(e, 'lhsContract').reduce((n, axis) => n * lhs[axis]!, 1)
  return 2 * terms * sizeOf(e.outputs[0]!.type.shape)
}

/** q [B,H,Tq,E], k [B,K,Tk,E], v [B,K,Tk,D]; the backward passes compute the scores again. */
function ofAttention(e: Equation): number {
  const [q, k, v] = e.inputs.map(({ type }) => type.shape)
  const [B, H, Tq, E] = q as readonly [number, number, number, number]
  const [Tk, D] = [k![2]!, v![3]!]
  const perPair = { forward: E + D, queries: 2 * E + D, keysAndValues: 2 * E + 2 * D }[passOf(e)]
  return 2 * B * H * Tq * Tk * perPair
}
