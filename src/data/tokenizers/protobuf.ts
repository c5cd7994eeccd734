/** A field of a protobuf message. Numbers of 32 and 64 bits of fixed width are given as their bytes. */
export interface ProtobufField {
  readonly number: number
  readonly value: number | Uint8Array
}

/**
 * The fields of a message, in the file's order. Variable-length integers are read modulo 2^32, as signed ones.
 * @param fail makes the error for bytes that are no message.
 */
export function* protobufFields(bytes: Uint8Array, fail: (what: string) => Error): Generator<ProtobufField, void> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw fail('it ends within a number')
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw fail('a number of more than ten bytes')
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || length > bytes.length - at) throw fail(`a field of ${length} bytes runs past the end`)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = tag >>> 3
    if (number === 0) throw fail('a field without a number')
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        yield { number, value: take(8) }
        break
      case 2:
        yield { number, value: take(varint()) }
        break
      case 5:
        yield { number, value: take(4) }
        break
      default:
        throw fail(`a field of the unknown kind ${tag & 7}`)
    }
  }
}
