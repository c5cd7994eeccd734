/**
 * A WebAssembly module made by hand: `run(n)` does n rounds of CHAINS independent f32x4 multiplications and additions,
 * as fast as one thread can. With relaxed SIMD both are one instruction.
 */

/** Enough that no operation waits for the one before it in its chain, few enough for the registers. */
const CHAINS = 10
const LANES = 4

/** Multiplications and additions of one round. */
export const FLOPS_PER_ROUND = CHAINS * LANES * 2

const I32 = 0x7f
const F32 = 0x7d
const V128 = 0x7b

const unsigned = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)])
const section = (id: number, bytes: readonly number[]): number[] => [id, ...unsigned(bytes.length), ...bytes]
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]

const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const f32Const = (x: number): number[] => [0x43, ...new Uint8Array(Float32Array.of(x).buffer)]
const SPLAT = simd(0x13)
const ADD = simd(0xe4)
const MUL = simd(0xe6)
const RELAXED_MADD = simd(0x105)
const EXTRACT_0 = [...simd(0x1f), 0]

const COUNT = 0
const FACTOR = 1
const TERM = 2
const FIRST = 3
const CHAIN_LOCALS = Array.from({ length: CHAINS }, (_, i) => FIRST + i)

export function peakModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  // x := x * factor + term, with a fixed point at 1, so that the numbers stay ordinary ones.
  const step = (chain: number): number[] => [
    ...get(chain),
    ...get(FACTOR),
    ...(relaxed ? [...get(TERM), ...RELAXED_MADD] : [...MUL, ...get(TERM), ...ADD]),
    ...set(chain),
  ]
  const body = [
    ...unsigned(1), // one group of locals
    ...[...unsigned(2 + CHAINS), V128],
    ...[...f32Const(0.5), ...SPLAT, ...set(FACTOR), ...f32Const(0.5), ...SPLAT, ...set(TERM)],
    ...CHAIN_LOCALS.flatMap((chain) => [...f32Const(chain), ...SPLAT, ...set(chain)]),
    ...[0x03, 0x40], // loop
    ...CHAIN_LOCALS.flatMap(step),
    // count - 1, and on while it is not 0
    ...[...get(COUNT), 0x41, 1, 0x6b, 0x22, COUNT, 0x0d, 0, 0x0b],
    ...get(FIRST),
    ...CHAIN_LOCALS.slice(1).flatMap((chain) => [...get(chain), ...ADD]),
    ...EXTRACT_0,
    0x0b,
  ]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, ...new TextEncoder().encode('run'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ])
}
