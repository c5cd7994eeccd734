import type { Program } from '../../codegen/program.ts'
import type { KernelTime } from '../device.ts'
import type { FlatProgram } from './flat-steps.ts'
import type { StepTimes } from './pool.ts'

const kernelName = (program: Program, source: NonNullable<FlatProgram['sources'][number]>): string =>
  source.kind === 'copy' ? 'copy' : (program.kernels[source.kernel]?.name ?? '?')

/** What was measured of each step, for people. */
export function kernelTimes(program: Program, flat: FlatProgram, times: StepTimes): KernelTime[] {
  const start = times[1] ?? 0
  const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6)
  const result: KernelTime[] = []
  for (let i = 0; i < times.length; i += 3) {
    const source = flat.sources[times[i]!]
    if (!source || times[i + 2] === 0) continue
    const [begin, end] = [nanoseconds(times[i + 1]! - start), nanoseconds(times[i + 2]! - start)]
    result.push({
      label: source.label,
      kernel: kernelName(program, source),
      start: begin,
      nanoseconds: end - begin,
      flops: source.kind === 'copy' ? 0 : source.flops,
      bytes: source.kind === 'copy' ? 2 * source.bytes : source.bytes,
    })
  }
  return result
}

/** Names a step in messages. */
export function labelOf(program: Program, flat: FlatProgram, at: number): string {
  const source = flat.sources[at]
  return source ? `${source.label} (kernel ${kernelName(program, source)})` : `step ${at}`
}
