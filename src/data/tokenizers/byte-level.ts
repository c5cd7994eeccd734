/**
 * GPT-2's alphabet: each byte as one printable character, so that pieces of bytes can be spelt. Bytes that print stand
 * for themselves, the others follow from U+0100.
 * Source: Radford et al., Language Models are Unsupervised Multitask Learners (2019), the released encoder.
 */
const CHARACTERS: readonly string[] = (() => {
  const prints = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae
  let next = 0x100
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(prints(b) ? b : next++))
})()

const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((character, byte) => [character, byte] as const))
const ENCODER = new TextEncoder()

/** Bytes in that alphabet. */
export const byteLevelName = (bytes: Iterable<number>): string => Array.from(bytes, (b) => CHARACTERS[b]).join('')

/** The bytes of a piece in that alphabet; a piece with other characters in it is plain text. */
export function byteLevelBytes(name: string): Iterable<number> {
  const bytes = Array.from(name, (character) => BYTES.get(character))
  return bytes.every((byte) => byte !== undefined) ? bytes : ENCODER.encode(name)
}
