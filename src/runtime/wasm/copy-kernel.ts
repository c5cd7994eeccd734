import type { WasmKernel } from '../../codegen/program.ts'

/** One piece of a copy's work. */
export const COPY_PIECE_BYTES = 65536

/** Written by hand: the runtime has no compiler. */
export const COPY_KERNEL: WasmKernel = {
  target: 'wasm',
  name: 'copy',
  bindings: ['read', 'read_write'],
  paramWords: 1,
  text: 'copy(to + 65536 * begin, from + 65536 * begin, min(bytes, 65536 * end) - 65536 * begin)',
  module: copyModule(),
}

function copyModule(): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...contents: readonly number[]) => [id, contents.length, ...contents]
  const name = (text: string) => [text.length, ...[...text].map((c) => c.charCodeAt(0))]
  const argument = (word: number) => [0x20, 0x00, 0x28, 0x02, 4 * word] // local.get args, i32.load
  const offset = (local: number) => [0x20, local, 0x41, 16, 0x74] // local.get, i32.const 16, i32.shl
  const [from, to, bytes] = [argument(0), argument(1), argument(2)]
  const [begin, end] = [offset(1), offset(2)]
  const add = 0x6a
  const smaller = [...end, ...bytes, ...end, ...bytes, 0x49, 0x1b] // i32.lt_u, select
  const body = [
    0x00,
    ...[...to, ...begin, add],
    ...[...from, ...begin, add],
    ...[...smaller, ...begin, 0x6b], // i32.sub
    ...[0xfc, 0x0a, 0x00, 0x00], // memory.copy
    0x0b,
  ]
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 0x01, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x00),
    // A shared memory of at most 65536 pages.
    ...section(2, 0x01, ...name('weft'), ...name('memory'), 0x02, 0x03, 0x00, 0x80, 0x80, 0x04),
    ...section(3, 0x01, 0x00),
    ...section(7, 0x01, ...name('run'), 0x00, 0x00),
    ...section(10, 0x01, body.length, ...body),
  )
}
