import { getElement, type HostArray } from '../ir/dtype.ts'
import { formatShape, sizeOf } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { FileError, ShapeError, UnsupportedError } from '../util/errors.ts'
import { flattenNames } from './names.ts'
import { llamaCase } from './verify-llama.ts'
import { clipVisionCase, projectionCase, qwenVisualCase } from './verify-vision.ts'
import { visualChatCase } from './verify-visualchat.ts'

/**
 * Agreement with other implementations: a fixture holds a model's configuration and parameters, inputs, and the outputs
 * and gradients that somebody else's code computed from them.
 */
export interface Fixture {
  /** `kind`, `attention`, `config` (JSON), ... */
  readonly metadata: Readonly<Record<string, string>>
  /** `param.*` parameters, `grad.*` expected gradients; the others are inputs and expected outputs. */
  readonly tensors: ReadonlyMap<string, HostArray>
}

/** How functions of tensor trees are run, and differentiated by their first argument. */
export interface Backend {
  run<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): Promise<R>
  grad<V, C>(fn: (variables: V, constants: C) => Tensor): (variables: V, constants: C) => V
}

/** What a fixture asks to be computed. */
export interface Case<V, C> {
  /** What gradients are taken of: a tree whose dotted names are those of the fixture's `grad.*`. */
  readonly variables: V
  readonly constants: C
  /** Names of the fixture's tensors that are inputs. */
  readonly inputs: readonly string[]
  readonly outputs: (variables: V, constants: C) => Readonly<Record<string, Tensor>>
  readonly objective: (variables: V, constants: C) => Tensor
  /** [B,T], 0 at padding: these rows of the outputs named are not compared. Axis of T in each. */
  readonly padding?: { readonly keep: HostArray; readonly axisOf: Readonly<Record<string, number>> }
}

/** Runs a case. A closure, so that cases of different types stand in one table. */
export type Check = (backend: Backend, fixture: Fixture) => Promise<Comparison[]>

export interface Comparison {
  readonly kind: 'output' | 'gradient'
  readonly name: string
  /**
   * max |got - expected| / max |expected| over the tensor, padding left out; where all of it is 0, max |got|. For a
   * gradient the divisor is at least NOISE times the greatest gradient of the fixture: a key bias, to which softmax is
   * blind, has nothing but rounding for a gradient.
   */
  readonly error: number
  readonly tolerance: number
  readonly pass: boolean
}

export interface Verification {
  readonly kind: string
  readonly comparisons: readonly Comparison[]
  readonly pass: boolean
}

export const TOLERANCE = { output: 1e-4, gradient: 1e-3 } as const
const NOISE = 1e-3

const CASES: Readonly<Record<string, (fixture: Fixture) => Check>> = {
  llama: (fixture) => checkCase(llamaCase(fixture)),
  'clip-vision': (fixture) => checkCase(clipVisionCase(fixture)),
  'qwen-vl-visual': (fixture) => checkCase(qwenVisualCase(fixture)),
  'projection-baseline': (fixture) => checkCase(projectionCase('baseline', fixture)),
  'projection-vit': (fixture) => checkCase(projectionCase('vit', fixture)),
  'projection-perceiver': (fixture) => checkCase(projectionCase('perceiver', fixture)),
  visualchat: (fixture) => checkCase(visualChatCase(fixture)),
}

/**
 * Builds the fixture's model and compares every output and gradient that it expects.
 *
 * Throws UnsupportedError for a kind of model that weft lacks, FileError for a fixture without what its kind needs or
 * with an expectation that nothing computes.
 */
export async function verifyFixture(fixture: Fixture, backend: Backend): Promise<Verification> {
  const { kind = 'none' } = fixture.metadata
  const build = Object.hasOwn(CASES, kind) ? CASES[kind] : undefined
  if (!build) {
    throw new UnsupportedError(`verify: a fixture of kind ${JSON.stringify(kind)}`, {
      hint: `kinds: ${Object.keys(CASES).join(', ')}`,
    })
  }
  const comparisons = await build(fixture)(backend, fixture)
  return { kind, comparisons, pass: comparisons.every((c) => c.pass) }
}

const checkCase =
  <V, C>({ variables, constants, inputs, outputs, objective, padding }: Case<V, C>): Check =>
  async (backend, { tensors }) => {
    const got = new Map(Object.entries(await backend.run(outputs, [variables, constants])))
    const names = [...tensors.keys()].filter((name) => !name.startsWith('param.'))
    const wanted = names.filter((name) => name.startsWith('grad.'))
    const grads: Iterable<[string, Tensor]> =
      wanted.length === 0
        ? []
        : flattenNames(await backend.run(backend.grad(objective), [variables, constants]), isTensor)
    for (const [name, grad] of grads) got.set(`grad.${name}`, grad)
    const floor = NOISE * Math.max(0, ...wanted.map((name) => greatest(tensors.get(name)!)))
    const comparisons: Comparison[] = []
    for (const name of names.filter((n) => !inputs.includes(n))) {
      const tensor = got.get(name)
      if (!tensor) throw new FileError(`verify: the fixture expects ${name}, which nothing computes`)
      const axis = padding?.axisOf[name]
      const counts = padding && axis !== undefined ? rowKept(padding.keep, tensor.shape, axis) : () => true
      const leastScale = name.startsWith('grad.') ? floor : 0
      comparisons.push(compare(name, await tensor.readHost(), tensors.get(name)!, counts, leastScale))
    }
    return comparisons
  }

const greatest = (array: HostArray): number => {
  let most = 0
  for (let i = 0; i < array.data.length; i++) most = Math.max(most, Math.abs(getElement(array, i)))
  return most
}

function compare(
  fullName: string,
  got: HostArray,
  expected: HostArray,
  counts: (i: number) => boolean,
  leastScale: number,
): Comparison {
  if (got.data.length !== expected.data.length) {
    throw new ShapeError(`verify: ${fullName} is ${formatShape(got.shape)}, expected ${formatShape(expected.shape)}`)
  }
  const kind = fullName.startsWith('grad.') ? 'gradient' : 'output'
  let difference = 0
  let scale = leastScale
  for (let i = 0; i < got.data.length; i++) {
    if (!counts(i)) continue
    const apart = Math.abs(getElement(got, i) - getElement(expected, i))
    // A NaN must not hide behind Math.max or a comparison.
    difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(difference, apart)
    scale = Math.max(scale, Math.abs(getElement(expected, i)))
  }
  const error = scale === 0 ? difference : difference / scale
  const tolerance = TOLERANCE[kind]
  return { kind, name: fullName.replace(/^grad\./, ''), error, tolerance, pass: error <= tolerance }
}

/** Whether the element at a linear offset lies in a row (b, t) of a [B, ..., T, ...] tensor that `keep` [B,T] has. */
function rowKept(keep: HostArray, shape: readonly number[], axis: number): (i: number) => boolean {
  const inner = sizeOf(shape.slice(axis + 1))
  const perSample = sizeOf(shape.slice(1))
  const T = shape[axis]!
  return (i) => keep.data[Math.floor(i / perSample) * T + (Math.floor(i / inner) % T)] !== 0
}
