import type { HostArray } from '../ir/dtype.ts'
import { formatShape } from '../ir/shape.ts'
import { fromHost, isTensor, type Tensor } from '../ir/tensor.ts'
import { isMatrixSpec, isParamSpec, type SpecTree } from '../nn/param.ts'
import { mapQuantised, type QuantisedWeight } from '../nn/quantised.ts'
import { type SplitWeight, type Weight, weightShape } from '../nn/weight.ts'
import { ValueError } from '../util/errors.ts'

/** Rows of a matrix: those from `from` up to, not including, `to`. */
export interface Rows {
  readonly from: number
  readonly to: number
}

/** Pieces begin at multiples of this where the limit allows it, so that tiles of products and vectors stay whole. */
const ROW_MULTIPLE = 64

/**
 * The rows of a matrix [O,I] in as few pieces of nearly equal height as there must be for none to take more than
 * `limit` bytes; one piece where the whole fits.
 *
 * Throws ValueError where the limit is less than one row.
 */
export function splitRows([O]: readonly [O: number, I: number], bytesPerRow: number, limit: number): readonly Rows[] {
  const most = Math.floor(limit / bytesPerRow)
  if (most < 1) {
    throw new ValueError(
      `a matrix with rows of ${bytesPerRow} bytes cannot be split by rows to at most ${limit} bytes`,
      {
        hint: 'use a device with a larger limit, or weights of fewer bits',
      },
    )
  }
  if (most >= O) return [{ from: 0, to: O }]
  const multiple = most >= ROW_MULTIPLE ? ROW_MULTIPLE : 1
  const tallest = Math.floor(most / multiple) * multiple
  const pieces = Math.ceil(O / tallest)
  const height = Math.min(tallest, Math.ceil(O / pieces / multiple) * multiple)
  const ranges: Rows[] = []
  for (let from = 0; from < O; from += height) ranges.push({ from, to: Math.min(O, from + height) })
  return ranges
}

/** What `make` gives for all rows of a matrix, as one, or as the parts of a SplitWeight where `limit` asks for several. */
export function inPieces<T>(
  shape: readonly [O: number, I: number],
  bytesPerRow: number,
  limit: number,
  make: (rows: Rows) => T,
): T | { readonly parts: readonly T[] } {
  const ranges = splitRows(shape, bytesPerRow, limit)
  return ranges.length === 1 ? make(ranges[0]!) : { parts: ranges.map(make) }
}

/**
 * Parameters whose matrices lie in buffers of at most `limit` bytes each: larger ones become SplitWeights, by rows, on
 * the host and without a copy; the others stay where they are. Parameters that are no matrices cannot be split.
 *
 * Throws ValueError where the limit is less than one row of a matrix.
 */
export async function splitParams<P>(spec: SpecTree, params: P, limit: number): Promise<P> {
  // A matrix is a Weight before and after, and nothing else changes: the type stays.
  return (await splitTree(spec, params, limit)) as P
}

async function splitTree(spec: SpecTree, params: unknown, limit: number): Promise<unknown> {
  if (isParamSpec(spec)) return isMatrixSpec(spec) ? splitWeight(params as Weight, limit) : params
  const entries: [name: string, child: unknown][] = []
  // One after the other: of what lies on a device, the host holds no more than one matrix too many.
  for (const [name, child] of Object.entries(spec)) {
    entries.push([name, await splitTree(child, (params as Record<string, unknown>)[name], limit)])
  }
  return Array.isArray(spec) ? entries.map(([, child]) => child) : Object.fromEntries(entries)
}

/** A weight [O,I] in buffers of at most `limit` bytes. Of an adapted one the base is split. */
export async function splitWeight(weight: Weight, limit: number): Promise<Weight> {
  if (!isTensor(weight) && 'base' in weight) return { ...weight, base: await splitWeight(weight.base, limit) }
  if (!isTensor(weight) && 'parts' in weight)
    return joined(await Promise.all(weight.parts.map((p) => splitWeight(p, limit))))
  const shape = weightShape(weight)
  const tensors: readonly Tensor[] = isTensor(weight) ? [weight] : Object.values(weight)
  const bytesPerRow = Math.max(...tensors.map(({ dtype, shape }) => shape[1]! * (dtype === 'f16' ? 2 : 4)))
  if (splitRows(shape, bytesPerRow, limit).length === 1) return weight
  const arrays = new Map(await Promise.all(tensors.map(async (t) => [t, await t.readHost()] as const)))
  const rowsOf = (t: Tensor, rows: Rows): Tensor => fromHost(sliceRows(arrays.get(t)!, rows))
  return inPieces<Tensor | QuantisedWeight>(shape, bytesPerRow, limit, (rows) =>
    isTensor(weight) ? rowsOf(weight, rows) : mapQuantised(weight, (t) => rowsOf(t, rows)),
  )
}

const joined = (parts: readonly Weight[]): SplitWeight => ({
  parts: parts.flatMap((part) => (!isTensor(part) && 'parts' in part ? part.parts : [part])),
})

/** The same memory: a row-major matrix's rows lie together. */
function sliceRows({ dtype, shape, data }: HostArray, { from, to }: Rows): HostArray {
  const [O, I] = shape
  if (shape.length !== 2 || to > O!) throw new ValueError(`rows ${from} to ${to} of ${formatShape(shape)}`)
  return { dtype, shape: [to - from, I!], data: data.subarray(from * I!, to * I!) }
}
