import { type DType, getElement, type HostArray, isFloat, setElement } from '../dtype.ts'
import type { Attrs, TensorType } from '../graph.ts'
import type { Ops } from '../ops-interface.ts'
import { definePrim, type ElementOps, type ElementTypes, type ElementwisePrim } from '../prim.ts'
import { failShape, formatShape, sameShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { emptyArray, ensureBatched, failDType, formatTypes, requireDType } from './common.ts'

/** What the derivative of one operand may use. */
export interface Point {
  readonly o: Ops
  readonly inputs: readonly Tensor[]
  readonly out: Tensor
  readonly attrs: Attrs
}

/**
 * t -> t * d(out)/d(input). An elementwise derivative is a diagonal matrix, its own transpose, so that this one
 * function serves vjp (t a cotangent) and jvp (t a tangent).
 */
export type Derivative = (t: Tensor, p: Point) => Tensor

export interface ElementwiseSpec {
  readonly name: string
  readonly takes: readonly DType[]
  /** Result dtype; the operands' own unless said. */
  readonly gives?: DType
  readonly arity: 1 | 2
  readonly cost?: number
  scalar(args: readonly number[], types: ElementTypes): number
  apply<X, R>(ops: ElementOps<X, R>, args: readonly X[]): R
  wgsl(args: readonly string[], types: ElementTypes): string
  readonly wgslHelper?: string
  readonly arithmetic?: 'sum' | 'product'
  readonly isExact?: (from: DType, to: DType) => boolean
  /** One per operand, null where the derivative is zero; absent for integer and boolean results. */
  readonly derivatives?: readonly (Derivative | null)[]
}

/** An elementwise primitive whose operands share one dtype. */
export function defineElementwise(spec: ElementwiseSpec): ElementwisePrim {
  return defineMap({
    ...spec,
    infer(inputs) {
      for (const type of inputs) requireDType(spec.name, type, spec.takes)
      if (inputs.some((t) => t.dtype !== inputs[0]!.dtype)) {
        failDType(`${spec.name}: operands differ in dtype: ${formatTypes(inputs)}`, 'cast one of them')
      }
      return spec.gives ?? inputs[0]!.dtype
    },
  })
}

interface MapSpec extends Omit<ElementwiseSpec, 'takes' | 'gives' | 'arity'> {
  readonly arity: number
  infer(inputs: readonly TensorType[], attrs: Attrs): DType
}

/** The general form, for primitives whose operands differ in dtype (select, cast). */
export function defineMap(spec: MapSpec): ElementwisePrim {
  const prim: ElementwisePrim = {
    name: spec.name,
    kind: 'elementwise',
    arity: spec.arity,
    cost: spec.cost ?? 1,
    scalar: spec.scalar,
    apply: spec.apply,
    wgsl: spec.wgsl,
    ...(spec.wgslHelper === undefined ? {} : { wgslHelper: spec.wgslHelper }),
    ...(spec.arithmetic === undefined ? {} : { arithmetic: spec.arithmetic }),
    ...(spec.isExact === undefined ? {} : { isExact: spec.isExact }),
    ...(spec.derivatives ? diffRules(spec.derivatives) : {}),
    infer(inputs, attrs) {
      const shape = inputs[0]!.shape
      for (const t of inputs) {
        if (!sameShape(t.shape, shape)) {
          failShape(
            `${spec.name}: shapes differ: ${inputs.map((x) => formatShape(x.shape)).join(' and ')}`,
            'broadcast them to one shape first',
          )
        }
      }
      return [{ dtype: spec.infer(inputs, attrs), shape }]
    },
    evaluate(inputs, _attrs, [type]) {
      return [evaluateMap(prim, inputs, type!)]
    },
    batch({ o, inputs, batched, attrs, size }) {
      return o.bind(
        prim,
        inputs.map((x, i) => ensureBatched(o, x, batched[i]!, size)),
        attrs,
      )
    },
  }
  return definePrim(prim)
}

type DiffRules = Pick<ElementwisePrim, 'vjp' | 'jvp'>

function diffRules(derivatives: readonly (Derivative | null)[]): DiffRules {
  return {
    vjp({ o, inputs, outputs, cts, attrs, wanted }) {
      const point = { o, inputs, out: outputs[0]!, attrs }
      return inputs.map((x, i) => (wanted[i] && isFloat(x.dtype) ? (derivatives[i]?.(cts[0]!, point) ?? null) : null))
    },
    jvp({ o, inputs, outputs, tangents, attrs }) {
      const point = { o, inputs, out: outputs[0]!, attrs }
      const terms = tangents.map((t, i) => (t ? (derivatives[i]?.(t, point) ?? null) : null)).filter((t) => t !== null)
      return [terms.length === 0 ? null : terms.reduce((a, b) => o.add(a, b))]
    },
  }
}

function evaluateMap(prim: ElementwisePrim, inputs: readonly HostArray[], type: TensorType): HostArray {
  const out = emptyArray(type)
  const types: ElementTypes = { inputs: inputs.map((x) => x.dtype), output: type.dtype }
  const args = new Array<number>(inputs.length)
  for (let i = 0; i < out.data.length; i++) {
    for (let k = 0; k < inputs.length; k++) args[k] = getElement(inputs[k]!, i)
    setElement(out, i, prim.scalar(args, types))
  }
  return out
}
