import type { HostArray } from '../../ir/dtype.ts'
import { FileError } from '../../util/errors.ts'
import { CHUNK_BYTES, type OpenFile } from '../file-access.ts'
import type { Stretch } from '../row-range.ts'
import { tensorOf } from '../tensor-name.ts'
import type { QuantisedMatrix } from '../tensor-source.ts'
import type { Packed } from './tensor-types.ts'
import type { StoredTensor } from './tensors.ts'

/** The elements of a stretch of whole blocks. */
export async function readDecoded(file: OpenFile, tensor: StoredTensor, stretch: Stretch): Promise<HostArray<'f32'>> {
  const { block, bytes: blockBytes, decode, widen } = tensor.type
  const data = allocated(file, tensor, () => new Float32Array(stretch.count))
  await eachChunk(file, tensor, stretch, (bytes, first) => {
    if (widen) widen(bytes, data, first)
    else if (decode) {
      for (let i = 0; i * blockBytes < bytes.length; i++) decode(bytes, i * blockBytes, data, (first + i) * block)
    } else new Uint8Array(data.buffer, first * 4, bytes.length).set(bytes)
  })
  return { dtype: 'f32', shape: stretch.shape, data }
}

/** The same in groups, for a matrix whose type can be. */
export async function readPacked(
  file: OpenFile,
  tensor: StoredTensor,
  { bits, group, offsets: hasOffsets, pack }: Packed,
  stretch: Stretch,
): Promise<QuantisedMatrix> {
  const [O, I] = stretch.shape as [number, number] // the caller has asked for a matrix
  const perBlock = tensor.type.block / group
  const [data, scales, offsets] = allocated(file, tensor, () => [
    new Int32Array((stretch.count * bits) / 32),
    new Float32Array(stretch.count / group),
    new Float32Array(hasOffsets ? stretch.count / group : 0),
  ])
  const target = { packed: new Uint8Array(data.buffer), scales, offsets }
  const { bytes: blockBytes } = tensor.type
  await eachChunk(file, tensor, stretch, (bytes, first) => {
    for (let i = 0; i * blockBytes < bytes.length; i++) pack(bytes, i * blockBytes, target, (first + i) * perBlock)
  })
  const perGroup = (values: Float32Array): HostArray<'f32'> => ({ dtype: 'f32', shape: [O, I / group], data: values })
  return {
    bits,
    shape: [O, I],
    packed: { dtype: 'i32', shape: [O, (I * bits) / 32], data },
    scales: perGroup(scales),
    ...(hasOffsets ? { offsets: perGroup(offsets) } : {}),
  }
}

/** Calls `visit` with the bytes of some blocks, and the number of the first of them in the stretch. */
async function eachChunk(
  file: OpenFile,
  { type, position }: StoredTensor,
  { begin, count }: Stretch,
  visit: (bytes: Uint8Array, first: number) => void,
): Promise<void> {
  const blocks = count / type.block
  const perChunk = Math.floor(CHUNK_BYTES / type.bytes)
  const chunk = new Uint8Array(Math.min(perChunk, blocks) * type.bytes)
  const from = position + (begin / type.block) * type.bytes
  for (let first = 0; first < blocks; first += perChunk) {
    const part = chunk.subarray(0, Math.min(perChunk, blocks - first) * type.bytes)
    await file.readInto(part, from + first * type.bytes)
    visit(part, first)
  }
}

/** FileError where there is not so much memory, as an engine says it by a RangeError. */
function allocated<T>(file: OpenFile, { name, shape }: StoredTensor, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new FileError(`${tensorOf(file.path, name)}: [${shape}] does not fit in memory`)
  }
}
