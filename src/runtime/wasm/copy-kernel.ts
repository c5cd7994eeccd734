import type { WasmKernel } from '../../codegen/program.ts'
import { kernelModule } from './kernel-module.ts'

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
  const argument = (word: number) => [0x20, 0x00, 0x28, 0x02, 4 * word] // local.get args, i32.load
  const offset = (local: number) => [0x20, local, 0x41, 16, 0x74] // local.get, i32.const 16, i32.shl
  const [from, to, bytes] = [argument(0), argument(1), argument(2)]
  const [begin, end] = [offset(1), offset(2)]
  const add = 0x6a
  const smaller = [...end, ...bytes, ...end, ...bytes, 0x49, 0x1b] // i32.lt_u, select
  return kernelModule([
    0x00, // no locals
    ...[...to, ...begin, add],
    ...[...from, ...begin, add],
    ...[...smaller, ...begin, 0x6b], // i32.sub
    ...[0xfc, 0x0a, 0x00, 0x00], // memory.copy
    0x0b,
  ])
}
