const section = (id: number, ...contents: readonly number[]) => [id, ...leb(contents.length), ...contents]
const name = (text: string) => [text.length, ...[...text].map((c) => c.charCodeAt(0))]
/** Up to 16383: longer functions are not written by hand. */
const leb = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7])

/** The module of a kernel written by hand: around the locals and instructions of `run(args, begin, end, scratch)`. */
export function kernelModule(code: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 0x01, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x00),
    // A shared memory of at most 65536 pages.
    ...section(2, 0x01, ...name('weft'), ...name('memory'), 0x02, 0x03, 0x00, 0x80, 0x80, 0x04),
    ...section(3, 0x01, 0x00),
    ...section(7, 0x01, ...name('run'), 0x00, 0x00),
    ...section(10, 0x01, ...leb(code.length), ...code),
  )
}
