import { DTypeError, ShapeError, TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import type { Flat } from '../util/tree.ts'
import type { DType } from './dtype.ts'
import type { Spec } from './ops/spec.ts'
import type { Tensor } from './tensor.ts'

/** Sizes of named dimensions. */
export type Sizes = Readonly<Record<string, number>>

/**
 * Holds the arguments of a call against its specs and gives the sizes of the named dimensions.
 * @throws TraceError for another structure; ShapeError, DTypeError naming the argument's path.
 */
export function bindSizes(name: string, specs: Flat<Tensor | Spec>, args: Flat<Tensor>): Sizes {
  if (args.structure !== specs.structure) {
    throw new TraceError(`${name}: the arguments differ in structure from the specs`, {
      at: userLocation(),
      hint: structureHint(specs.paths, args.paths),
    })
  }
  const sizes: Record<string, number> = {}
  const from: Record<string, string> = {}
  specs.leaves.forEach((spec, i) => {
    const arg = args.leaves[i]!
    const path = args.paths[i]!
    const shown = `${name}: argument ${path}`
    const wanted: readonly (string | number)[] = spec.shape
    const got: readonly number[] = arg.shape
    if (spec.dtype !== (arg.dtype as DType)) {
      throw new DTypeError(`${shown} is ${arg.dtype}, the spec says ${spec.dtype}`, { at: userLocation() })
    }
    const fail = (hint: string): never => {
      throw new ShapeError(`${shown} is [${got.join(',')}], the spec says [${wanted.join(',')}]`, {
        at: userLocation(),
        hint,
      })
    }
    if (wanted.length !== got.length) fail(`it must have ${wanted.length} dimensions`)
    wanted.forEach((d, axis) => {
      const size = got[axis]!
      if (typeof d === 'number') {
        if (d !== size) fail(`dimension ${axis} must be ${d}; name it ('N') in the spec if it varies`)
      } else if (sizes[d] === undefined) {
        sizes[d] = size
        from[d] = path
      } else if (sizes[d] !== size) {
        fail(`${d} is ${sizes[d]} in ${from[d]} and ${size} here`)
      }
    })
  })
  return sizes
}

function structureHint(expected: readonly string[], got: readonly string[]): string {
  const missing = expected.filter((p) => !got.includes(p))
  const extra = got.filter((p) => !expected.includes(p))
  const list = (paths: readonly string[]): string => paths.slice(0, 5).join(', ') + (paths.length > 5 ? ', ...' : '')
  if (missing.length > 0) return `missing: ${list(missing)}`
  if (extra.length > 0) return `not in the specs: ${list(extra)}`
  return 'pass trees with the keys in the order of the specs'
}
