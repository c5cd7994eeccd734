/** Builds safetensors bytes by hand, wrong ones included, so that tests do not lean on the writer they test. */
export function safetensorsBytes(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

/** A tensor as a header describes it. */
export const entry = (dtype: string, shape: readonly number[], data_offsets: readonly number[]) => ({
  dtype,
  shape,
  data_offsets,
})
