import type { WasmKernel } from '../../src/codegen/program.ts'
import { kernelModule } from '../../src/runtime/wasm/kernel-module.ts'

/** Kernels written by hand, for tests of the runtime. */

/** Of the body of `run(args, begin, end, scratch)`, which has three more locals: 4 and 5 i32, 6 f32. */
const moduleOf = (body: readonly number[]) => kernelModule([0x02, 0x02, 0x7f, 0x01, 0x7d, ...body, 0x0b])

const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const i32 = (value: number) => (value < 64 ? [0x41, value] : [0x41, (value & 127) | 128, value >> 7])
const loadI32 = (offset = 0) => [0x28, 0x02, offset]
const loadF32 = [0x2a, 0x02, 0x00]
const storeI32 = [0x36, 0x02, 0x00]
const storeF32 = [0x38, 0x02, 0x00]
const [ADD, SUB, SHL, LESS, SELECT, ADD_F32, MUL_F32, TO_F32] = [0x6a, 0x6b, 0x74, 0x49, 0x1b, 0x92, 0x94, 0xb2]

/** The argument at a position of the step's block. */
const argument = (word: number) => [...get(0), ...loadI32(4 * word)]
/** The address of element `local 4` of the buffer at a position. */
const element = (word: number) => [...argument(word), ...get(4), ...i32(2), SHL, ADD]
const count = (from: readonly number[], to: readonly number[], body: readonly number[]) => [
  ...[...from, ...set(4), ...to, ...set(5)],
  ...[0x02, 0x40, 0x03, 0x40],
  ...[...get(4), ...get(5), LESS, 0x45, 0x0d, 0x01],
  ...body,
  ...[...get(4), ...i32(1), ADD, ...set(4), 0x0c, 0x00, 0x0b, 0x0b],
]
/** For the elements that the groups hold, 64 each, of the `n` at a position. */
const elements = (n: number, body: readonly number[]) => {
  const end = [...get(2), ...i32(6), SHL]
  const last = [...end, ...argument(n), ...end, ...argument(n), LESS, SELECT]
  return count([...get(1), ...i32(6), SHL], last, body)
}

const kernel = (
  text: string,
  bindings: WasmKernel['bindings'],
  paramWords: number,
  body: readonly number[],
): WasmKernel => ({
  target: 'wasm',
  name: text.split(':')[0]!,
  bindings,
  paramWords,
  text,
  module: moduleOf(body),
})

export const AXPY = kernel(
  'axpy: out[i] = a[i] * scale + b[i]; params n, scale',
  ['read', 'read', 'read_write'],
  2,
  elements(3, [
    ...element(2),
    ...[...element(0), ...loadF32, ...argument(4), TO_F32, MUL_F32],
    ...[...element(1), ...loadF32, ADD_F32, ...storeF32],
  ]),
)

export const ADD_IN_PLACE = kernel(
  'add_in_place: x[i] += amount; params n, amount',
  ['read_write'],
  2,
  elements(1, [...element(0), ...element(0), ...loadF32, ...argument(2), TO_F32, ADD_F32, ...storeF32]),
)

export const GROUP = kernel(
  'group: out[g] = g',
  ['read_write'],
  0,
  count(get(1), get(2), [...element(0), ...get(4), ...storeI32]),
)

/** Every worker writes a group's number to its own scratch, 1000 times over, and the last word read is the result. */
export const THROUGH_SCRATCH = kernel(
  'through_scratch: out[g] = scratch[15] = g',
  ['read_write'],
  0,
  count(get(1), get(2), [
    ...[...i32(1000), 0x21, 1],
    ...[0x03, 0x40],
    ...[...get(3), ...i32(60), ADD, ...get(4), ...storeI32],
    ...[...get(1), ...i32(1), SUB, 0x22, 1, 0x0d, 0x00, 0x0b],
    ...[...element(0), ...get(3), ...i32(60), ADD, ...loadI32(), ...storeI32],
  ]),
)

export const TRAP = kernel('trap: unreachable', ['read_write'], 0, [0x00])
