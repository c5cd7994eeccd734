import type { DispatchStep, Step } from '../codegen/program.ts'

/** Where each dispatch finds its params in the program's one uniform buffer. */
export interface PackedParams {
  readonly words: Uint32Array<ArrayBuffer>
  /** Byte offset by step; steps without params are absent. */
  readonly offsets: ReadonlyMap<DispatchStep, number>
}

/** Packs the params of all dispatches, equal ones once. They never change, so they are written once, at load. */
export function packParams(steps: readonly Step[], alignment: number): PackedParams {
  const offsets = new Map<DispatchStep, number>()
  const seen = new Map<string, number>()
  const blocks: (readonly number[])[] = []
  let bytes = 0
  const visit = (step: Step): void => {
    if (step.kind === 'loop') for (const inner of step.steps) visit(inner)
    if (step.kind !== 'dispatch' || step.params.length === 0) return
    const key = step.params.join(',')
    const known = seen.get(key)
    offsets.set(step, known ?? bytes)
    if (known !== undefined) return
    seen.set(key, bytes)
    blocks.push(step.params)
    bytes += Math.ceil((step.params.length * 4) / alignment) * alignment
  }
  for (const step of steps) visit(step)
  const words = new Uint32Array(bytes / 4)
  let word = 0
  for (const block of blocks) {
    words.set(block, word)
    word += Math.ceil((block.length * 4) / alignment) * (alignment / 4)
  }
  return { words, offsets }
}
