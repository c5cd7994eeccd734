import {
  add,
  cast,
  concat,
  cos,
  div,
  exp,
  expandDims,
  log,
  maximum,
  mul,
  reshape,
  round,
  sin,
  split,
  sub,
  tensor,
} from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'

/** How rotation slows down past the length a model was trained for. */
export type RopeScaling =
  /** Positions are divided by the factor. */
  | { readonly type: 'linear'; readonly factor: number }
  /** The base grows with the length once that exceeds maxPositions ("NTK-aware"). */
  | { readonly type: 'dynamic'; readonly factor: number; readonly maxPositions: number }
  /** Frequencies of a turn longer than trainedPositions/low are divided by the factor, shorter than /high are kept. */
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly low: number
      readonly high: number
      readonly trainedPositions: number
    }

export interface RopeOptions {
  /** The base of the frequencies, 10000 in LLaMA 2. */
  readonly theta: number
  readonly scaling?: RopeScaling | null
  /** Positions in use, those of the KV cache included, a number, i32 [] or, of each text, [B]; only dynamic scaling asks. */
  readonly length?: number | Tensor
}

/** Cosines and sines f32, [T,E/2] or [B,1,T,E/2], that broadcast to the halves of heads [B,H,T,E]. */
export interface RopeTable {
  readonly cos: Tensor
  readonly sin: Tensor
}

/**
 * The rotation of each of i32 positions [T] or [B,T], for heads of size E: angle p * theta^(-2i/E) for pair i.
 *
 * Throws ShapeError for an odd E or positions of another rank.
 * Source: RoFormer (arXiv:2104.09864), section 3.2.2; scaling: Position Interpolation (arXiv:2306.15595), section 3.1,
 * Hugging Face's LlamaDynamicNTKScalingRotaryEmbedding and, for LLaMA 3, its rope_type "llama3". Hugging Face's dynamic
 * one, too, leaves keys in a cache as they were rotated when they came, so that past maxPositions a cached pass differs
 * from one pass.
 */
export function ropeTable(positions: Tensor, E: number, options: RopeOptions): RopeTable {
  if (E % 2 !== 0 || positions.rank < 1 || positions.rank > 2) {
    failShape(
      `rope: heads of size ${E}, positions ${formatShape(positions.shape)}`,
      'E is even; positions are [T] or [B,T]',
    )
  }
  const { scaling } = options
  const p = cast(positions, 'f32')
  const steps = scaling?.type === 'linear' ? div(p, scaling.factor) : p
  const angle = reduceAngle(mul(expandDims(steps, -1), frequencies(E, options)))
  const spread = (x: Tensor): Tensor => (x.rank === 3 ? expandDims(x, 1) : x)
  return { cos: spread(cos(angle)), sin: spread(sin(angle)) }
}

/**
 * Heads x [B,H,T,E] with pairs (i, i + E/2) rotated by the table's angles: Hugging Face's order of a head. In f32, the
 * result in x's dtype.
 */
export function applyRope(x: Tensor, table: RopeTable): Tensor {
  const [a, b] = split(cast(x, 'f32'), 2, -1) as [Tensor, Tensor] // two parts were asked for
  const first = sub(mul(a, table.cos), mul(b, table.sin))
  const second = add(mul(b, table.cos), mul(a, table.sin))
  return cast(concat([first, second], -1), x.dtype)
}

/**
 * theta^(-2i/E) for i < E/2, scaled, f32 [E/2], or [B,1,E/2] for lengths [B]. Computed in double precision where the base
 * is known when tracing.
 */
function frequencies(E: number, { theta, scaling, length = 0 }: RopeOptions): Tensor {
  const exponents = Array.from({ length: E / 2 }, (_, i) => (-2 * i) / E)
  const known = (base: number): Tensor => tensor(exponents.map((e) => base ** e))
  if (scaling?.type === 'llama3') return tensor(exponents.map((e) => slowed(theta ** e, scaling)))
  if (scaling?.type !== 'dynamic') return known(theta)
  if (E === 2) failShape('rope: dynamic scaling of heads of size 2', 'its power E/(E-2) needs a larger E')
  // base = theta * (factor * L / max - (factor - 1))^(E / (E - 2)) for L > max; at L = max the bracket is 1.
  const { factor, maxPositions } = scaling
  const power = E / (E - 2)
  if (!isTensor(length)) {
    return known(theta * Math.max(1, (factor * length) / maxPositions - (factor - 1)) ** power)
  }
  const growth = maximum(sub(mul(cast(length, 'f32'), factor / maxPositions), factor - 1), 1)
  const logBase = add(mul(log(growth), power), Math.log(theta))
  return exp(mul(tensor(exponents), length.rank === 0 ? logBase : reshape(logBase, [-1, 1, 1])))
}

/** A frequency under llama3 scaling: between the two bounds a mixture, by how many turns the trained positions make. */
function slowed(frequency: number, { factor, low, high, trainedPositions }: RopeScaling & { type: 'llama3' }): number {
  const turns = (trainedPositions * frequency) / (2 * Math.PI)
  const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)))
  return frequency * (kept + (1 - kept) / factor)
}

/** 2 pi in two parts, the first of few bits, so that its multiples are exact in f32. Source: Cody and Waite (1980). */
const TURN_HIGH = 6.28125
const TURN_LOW = 2 * Math.PI - TURN_HIGH

/** An angle brought into [-pi, pi], the range for which WGSL promises the accuracy of sin and cos. */
function reduceAngle(angle: Tensor): Tensor {
  const turns = round(mul(angle, 1 / (2 * Math.PI)))
  return sub(sub(angle, mul(turns, TURN_HIGH)), mul(turns, TURN_LOW))
}
