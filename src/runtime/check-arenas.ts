import type { Arena, ArenaRef, BufferRef, DeviceLimits, Program, Step, TargetName } from '../codegen/program.ts'
import { sizeText } from './size-text.ts'

type Fail = (what: string) => never

/** What offsets within an arena must be multiples of: WebGPU's rule for bindings; vectors of WebAssembly. */
const ALIGNMENT: Readonly<Record<TargetName, number>> = { wgsl: 256, wasm: 16 }

const isArena = (ref: BufferRef): ref is ArenaRef => ref.kind === 'arena'

export function checkArena({ bytes }: Arena, index: number, { bufferBytes }: DeviceLimits, fail: Fail): void {
  if (bytes <= 0 || bytes % 4 !== 0) fail(`arena ${index} has ${bytes} bytes, not a positive multiple of 4`)
  if (bytes > bufferBytes) {
    fail(`arena ${index} takes ${sizeText(bytes)}, but this device's buffers have at most ${sizeText(bufferBytes)}`)
  }
}

/** Checks where a step's temporaries lie. `written` are those of its buffers that it writes. */
export function checkPlaces(
  { arenas }: Program,
  { label }: Step,
  refs: readonly BufferRef[],
  written: readonly BufferRef[],
  { target, bindingBytes }: DeviceLimits,
  fail: Fail,
): void {
  const places = refs.filter(isArena)
  for (const { index, offset, bytes } of places) {
    const what = `${label} uses bytes ${offset} to ${offset + bytes} of arena ${index}`
    if (offset < 0 || bytes <= 0 || offset + bytes > arenas[index]!.bytes) fail(`${what}, beyond its end`)
    if (offset % ALIGNMENT[target] !== 0) fail(`${what}, which does not begin at a multiple of ${ALIGNMENT[target]}`)
    if (bytes > bindingBytes) fail(`${what}, more than this device binds at once`)
  }
  if (target !== 'wgsl') return
  for (const ref of written.filter(isArena)) {
    if (places.some((other) => other.index === ref.index && !written.includes(other))) {
      fail(`${label} binds arena ${ref.index} for reading and for writing, which WebGPU refuses`)
    }
  }
}

/** Do two parts of arenas have bytes in common? */
export const overlap = (a: ArenaRef, b: ArenaRef): boolean =>
  a.index === b.index && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
