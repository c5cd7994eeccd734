import { type Attrs, countUses, type Equation, type Graph, makeGraph, type Value } from '../ir/graph.ts'
import type { Prim } from '../ir/prim.ts'
import { TILES } from '../ir/prims/attention.ts'
import { concat } from '../ir/prims/piecewise.ts'
import { reshape, slice } from '../ir/prims/view.ts'
import { sizeOf } from '../ir/shape.ts'
import { UnsupportedError } from '../util/errors.ts'

/**
 * The graph with attention that binds no more buffers than a kernel may: 8 on some adapters, where the derivative of a
 * variant with captured tensors reads more. Operands of one dtype are then laid one behind the other in one tensor, of
 * which they are views: a copy of each, once for all kernels that read the same.
 *
 * @throws UnsupportedError where that is not enough
 */
export function packAttention(graph: Graph, maxBuffers: number): Graph {
  const uses = countUses(graph)
  const packer = new Packer()
  for (const e of graph.equations) {
    const outputs = e.outputs.filter((v, i) => i === 0 || uses.has(v)).length
    const fits = e.prim.kind !== 'attention' || outputs + new Set(e.inputs).size <= maxBuffers
    packer.equations.push(fits ? e : packer.pack(e, maxBuffers - outputs))
  }
  const same = packer.equations.every((e, i) => e === graph.equations[i])
  return same ? graph : makeGraph(graph.name, graph.inputs, packer.equations, graph.outputs)
}

class Packer {
  readonly equations: Equation[] = []
  private readonly packed = new Map<string, readonly Value[]>()
  private readonly ids = new Map<Value, number>()

  pack(e: Equation, maxReads: number): Equation {
    const operands = [...new Set(e.inputs.filter((_, i) => i !== TILES))]
    const dtypes = [...new Set(operands.map((v) => v.type.dtype))]
    if (dtypes.length + 1 > maxReads) {
      throw new UnsupportedError(
        `attention over operands of ${dtypes.join(', ')}: this device binds too few buffers to a kernel`,
        { hint: 'cast the captured tensors of masks and scores to one dtype, or use another device' },
      )
    }
    const views = new Map<Value, Value>()
    for (const dtype of dtypes) {
      const alike = operands.filter((v) => v.type.dtype === dtype)
      if (alike.length > 1) this.inOne(alike, e).forEach((view, i) => views.set(alike[i]!, view))
    }
    return { ...e, inputs: e.inputs.map((v, i) => (i === TILES ? v : (views.get(v) ?? v))) }
  }

  /** The same values as views of one. */
  private inOne(values: readonly Value[], e: Equation): readonly Value[] {
    const key = values.map((v) => this.idOf(v)).join(' ')
    const known = this.packed.get(key)
    if (known) return known
    const apply = (prim: unknown, inputs: readonly Value[], attrs: Attrs): Value => {
      const applied = prim as Prim
      const [type] = applied.infer(
        inputs.map((v) => v.type),
        attrs,
      )
      const output: Value = { type: type! }
      this.equations.push({ prim: applied, inputs, attrs, outputs: [output], source: e.source })
      return output
    }
    const all = apply(
      concat,
      values.map((v) => apply(reshape, [v], { shape: [sizeOf(v.type.shape)] })),
      { axis: 0 },
    )
    let start = 0
    const views = values.map((v) => {
      const stop = start + sizeOf(v.type.shape)
      const part = apply(slice, [all], { starts: [start], stops: [stop], steps: [1] })
      start = stop
      return apply(reshape, [part], { shape: v.type.shape })
    })
    this.packed.set(key, views)
    return views
  }

  private idOf(v: Value): number {
    const id = this.ids.get(v) ?? this.ids.size
    this.ids.set(v, id)
    return id
  }
}
