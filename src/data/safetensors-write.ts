import { bytesPerElement, type HostArray } from '../ir/dtype.ts'
import { ShapeError, ValueError } from '../util/errors.ts'
import { writtenAs } from './safetensors-dtype.ts'
import { LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY } from './safetensors-header.ts'

type Named = readonly [name: string, tensor: HostArray]

/** Data begins at a multiple of this, and with wider elements first every tensor is aligned to its own element. */
const ALIGNMENT = 8

/** A file's bytes in order: length and header, then each tensor's own memory, not copied. */
export function safetensorsChunks(
  tensors: Iterable<readonly [string, HostArray]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const ordered = widestFirst(tensors)
  const header: [string, unknown][] = metadata ? [[METADATA_KEY, { ...metadata }]] : []
  const chunks: Uint8Array[] = []
  let at = 0
  for (const [name, { dtype, shape, data }] of ordered) {
    header.push([name, { dtype: writtenAs(dtype), shape, data_offsets: [at, at + data.byteLength] }])
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    at += data.byteLength
  }
  return [encodeHeader(Object.fromEntries(header)), ...chunks]
}

function widestFirst(tensors: Iterable<Named>): readonly Named[] {
  const list = [...tensors]
  const seen = new Set<string>([METADATA_KEY])
  for (const [name, { dtype, shape, data }] of list) {
    if (seen.has(name)) {
      throw new ValueError(`writeSafetensors: the name ${JSON.stringify(name)} is taken`, { hint: 'names must differ' })
    }
    seen.add(name)
    const count = shape.reduce((product, dim) => product * dim, 1)
    if (data.length !== count || data.BYTES_PER_ELEMENT !== bytesPerElement(dtype)) {
      throw new ShapeError(
        `writeSafetensors: tensor ${JSON.stringify(name)}: ${dtype}[${shape}] needs ${count} elements ` +
          `of ${bytesPerElement(dtype)} bytes, its data has ${data.length} of ${data.BYTES_PER_ELEMENT}`,
      )
    }
    if (dtype === 'bool' && data.some((byte) => byte > 1)) {
      throw new ValueError(`writeSafetensors: tensor ${JSON.stringify(name)}: a bool holds a byte other than 0 and 1`)
    }
  }
  return list.sort(([, a], [, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype))
}

/** A file's first bytes: the header's length, then the header, padded so that the data are aligned. */
export function encodeHeader(header: Record<string, unknown>): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const length = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT
  if (length > MAX_HEADER_BYTES) {
    throw new ValueError(`writeSafetensors: a header of ${length} bytes, above the 100 MB readers accept`, {
      hint: 'spread the tensors over several files or shorten the metadata',
    })
  }
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, LENGTH_BYTES)
  return bytes
}
