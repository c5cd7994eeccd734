import type { HostArray } from '../ir/dtype.ts'
import { CHUNK_BYTES, type OpenFile } from './file-access.ts'
import { allocateArray, decodeInto } from './read-elements.ts'
import { type StoredType, storedBytes } from './safetensors-dtype.ts'

/** Elements of a storage, told by the distance from one to the next along each axis. */
export interface Strided {
  /** Element of the storage that is the first of the view. */
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

export const countOf = (shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, 1)

/** Elements of the storage up to the last that the view reads; 0 for a view of none. */
export function extentOf({ offset, shape, strides }: Strided): number {
  if (shape.includes(0)) return 0
  return 1 + shape.reduce((last, dim, axis) => last + (dim - 1) * strides[axis]!, offset)
}

/** Whether some element of the storage stands in several places of the view, as after `expand`. */
export function repeats({ shape, strides }: Strided): boolean {
  let reach = 0
  for (const { size, stride } of bySteps(shape, strides)) {
    if (size > 1 && stride <= reach) return true
    reach += (size - 1) * stride
  }
  return false
}

const bySteps = (shape: readonly number[], strides: readonly number[]) =>
  shape
    .map((size, axis) => ({ size, stride: strides[axis]!, step: countOf(shape.slice(axis + 1)) }))
    .sort((a, b) => a.stride - b.stride)

/** Whether the elements lie side by side, in row-major order. */
export function isContiguous({ shape, strides }: Strided): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false
    expected *= shape[axis]!
  }
  return true
}

/**
 * Reads a view whose elements do not lie side by side, in row-major order. The storage begins at byte `position` of the
 * file and is walked in its own order, a window of 4 MiB at a time; the view does not repeat elements, so that no byte is
 * read twice.
 * @throws FileError as `readElements` does.
 */
export async function readStrided(
  file: OpenFile,
  stored: StoredType,
  position: number,
  view: Strided,
  what: string,
): Promise<HostArray> {
  const { offset, shape } = view
  const out = allocateArray(stored, shape, countOf(shape), what)
  const width = storedBytes(stored)
  const end = extentOf(view)
  const bytes = new Uint8Array(Math.min(CHUNK_BYTES, (end - offset) * width))
  const window = allocateArray(stored, [bytes.length / width], bytes.length / width, what)
  let begin = 0
  let loaded = 0
  for (const [from, to] of walk(view)) {
    if (from >= begin + loaded) {
      begin = from
      loaded = Math.min(window.data.length, end - begin)
      const part = bytes.subarray(0, loaded * width)
      await file.readInto(part, position + begin * width)
      decodeInto(window, stored, part, 0, what)
    }
    out.data[to] = window.data[from - begin]!
  }
  return out
}

/** Element of the storage and element of the result of each element, along the smallest strides first. */
function* walk({ offset, shape, strides }: Strided): Generator<readonly [from: number, to: number]> {
  if (shape.includes(0)) return
  const axes = bySteps(shape, strides)
  const at = axes.map(() => 0)
  let [from, to] = [offset, 0]
  for (;;) {
    yield [from, to]
    let axis = 0
    for (; axis < axes.length; axis++) {
      const { size, stride, step } = axes[axis]!
      from += stride
      to += step
      if (++at[axis]! < size) break
      from -= size * stride
      to -= size * step
      at[axis] = 0
    }
    if (axis === axes.length) return
  }
}
