import { DeviceError } from '../../util/errors.ts'

/**
 * Does the engine know an instruction? The module's one function puts three vectors of 128 bits on the stack, then
 * comes the instruction, which must leave one; all is dropped.
 */
const knows = (...instruction: readonly number[]): boolean => WebAssembly.validate(moduleWith(instruction))

function moduleWith(instruction: readonly number[]): Uint8Array<ArrayBuffer> {
  // i32.const 0, i8x16.splat
  const vector = [0x41, 0x00, 0xfd, 0x0f]
  const body = [0x00, ...vector, ...vector, ...vector, ...instruction, 0x1a, 0x0b]
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0a, body.length + 2, 0x01, body.length, ...body],
  )
}

/** @throws DeviceError if the engine lacks what every kernel needs. */
export function assertSimd(): void {
  const needed = 'use Node 20, or Chrome 91, Firefox 89, Safari 16.4, or a later one of these'
  if (typeof WebAssembly !== 'object') throw new DeviceError('there is no WebAssembly here', { hint: needed })
  // v128.bitselect
  if (!knows(0xfd, 0x52)) throw new DeviceError('this WebAssembly engine has no SIMD', { hint: needed })
}

/** Relaxed SIMD's f32x4.relaxed_madd: a product and a sum, rounded once where the processor can. */
export const hasRelaxedMadd = (): boolean => knows(0xfd, 0x85, 0x02)
