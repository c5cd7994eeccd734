/** Builds GGUF bytes by hand, wrong ones included. Sizes and counts may be told otherwise than they are. */

/** A metadata value: its kind and bytes. */
export interface Value {
  readonly kind: number
  readonly bytes: Uint8Array
}

export interface TensorBytes {
  readonly name: string
  /** Innermost first, as the file has it. */
  readonly sizes: readonly number[]
  /** The number of a type: 0 F32, 1 F16, 8 Q8_0, 12 Q4_K, ... */
  readonly type: number
  readonly data: Uint8Array
  /** In the data; the next aligned place if absent. */
  readonly offset?: number
}

export interface GgufParts {
  readonly magic?: string
  readonly version?: number
  readonly metadata?: readonly (readonly [string, Value])[]
  readonly tensors?: readonly TensorBytes[]
  readonly tensorCount?: number
  readonly metadataCount?: number
  readonly alignment?: number
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
export const join = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts))
const u32Bytes = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer)
export const u64Bytes = (...values: (number | bigint)[]): Uint8Array =>
  new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer)
const stringBytes = (text: string): Uint8Array => {
  const bytes = encode(text)
  return join(u64Bytes(bytes.length), bytes)
}

export const u32 = (value: number): Value => ({ kind: 4, bytes: u32Bytes(value) })
export const u64 = (value: number | bigint): Value => ({ kind: 10, bytes: u64Bytes(value) })
export const f32 = (value: number): Value => ({ kind: 6, bytes: new Uint8Array(new Float32Array([value]).buffer) })
export const bool = (value: boolean): Value => ({ kind: 7, bytes: Uint8Array.of(Number(value)) })
export const text = (value: string): Value => ({ kind: 8, bytes: stringBytes(value) })
export const array = (kind: number, count: number, bytes: Uint8Array): Value => ({
  kind: 9,
  bytes: join(u32Bytes(kind), u64Bytes(count), bytes),
})
export const texts = (values: readonly string[]): Value => array(8, values.length, join(...values.map(stringBytes)))
export const f32s = (values: readonly number[]): Value =>
  array(6, values.length, new Uint8Array(new Float32Array(values).buffer))
export const i32s = (values: readonly number[]): Value =>
  array(5, values.length, new Uint8Array(new Int32Array(values).buffer))

export function ggufBytes(parts: GgufParts): Uint8Array<ArrayBuffer> {
  const { metadata = [], tensors = [], alignment = 32 } = parts
  const aligned = (at: number): number => Math.ceil(at / alignment) * alignment
  const offsets: number[] = []
  let end = 0
  for (const { offset, data } of tensors) {
    offsets.push(offset ?? aligned(end))
    end = aligned(end) + data.length
  }
  const header = join(
    encode(parts.magic ?? 'GGUF'),
    u32Bytes(parts.version ?? 3),
    u64Bytes(parts.tensorCount ?? tensors.length, parts.metadataCount ?? metadata.length),
    ...metadata.map(([key, { kind, bytes }]) => join(stringBytes(key), u32Bytes(kind), bytes)),
    ...tensors.map(({ name, sizes, type }, i) =>
      join(stringBytes(name), u32Bytes(sizes.length), u64Bytes(...sizes), u32Bytes(type), u64Bytes(offsets[i]!)),
    ),
  )
  const dataStart = aligned(header.length)
  const out = new Uint8Array(dataStart + end)
  out.set(header)
  let at = dataStart
  for (const { data } of tensors) {
    out.set(data, at)
    at = aligned(at + data.length)
  }
  return out
}
