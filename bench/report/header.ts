import type { Scale } from '../cases.ts'
import type { Machine } from '../machine/describe.ts'
import type { Peak } from '../machine/peak.ts'
import type { Roof } from '../machine/roof.ts'
import { threeDigits } from './table.ts'

/** What was measured where and how. */
export interface Setting {
  readonly date: Date
  readonly machine: Machine
  readonly peak: Peak | null
  readonly roofs: readonly Roof[]
  readonly versions: Readonly<Record<string, string>>
  readonly scale: Scale
  /** First calls were made with an empty driver cache. */
  readonly cold: boolean
}

/** Where it was measured, with which versions, and what one should know to read the figures. */
export function header({ date, machine, peak, roofs, versions, scale, cold }: Setting): string {
  const names = Object.keys(versions)
  return [
    `weft benchmark, ${date.toISOString().slice(0, 10)}`,
    `  ${machine.processor}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}`,
    ...(machine.flags.length > 0 ? [`  Node runs with ${machine.flags.join(' ')}, for weft and all peers in it`] : []),
    ...(peak ? [`  ${peakText(peak)}`] : []),
    ...roofs.map((roof) => `  ${roofText(roof)}`),
    ...(scale === 'tiny' ? ['  Tiny cases, to try that all works: THE TIMES MEAN NOTHING.'] : []),
    ...Object.entries(versions).map(([name, version]) => `  ${name}: ${version}`),
    '  Each in a process of its own, a new one for each case; they take turns, and those whose turn it is not are stopped.',
    '  Times are of one call until its result is there.',
    '  Every result was held against the first row of its case before it was timed.',
    `  First call: from the inputs in memory to the first result, tracing, compiling and uploading included${
      cold ? ", with no kernel in the driver's cache" : ''
    }.`,
    '  Of roof: of what the device could do, at the roof, of the arithmetic or the memory traffic that the case asks for.',
    ...Object.entries(NOTES).flatMap(([start, note]) =>
      names.some((name) => name.startsWith(start)) ? [`  ${note}`] : [],
    ),
  ].join('\n')
}

const roofText = ({ device, threads, gflops, gigabytes }: Roof): string =>
  `roof of ${device}${device === 'wasm' ? `, ${threads === 1 ? '1 thread' : `${threads} threads`}` : ''}: best product ` +
  `${threeDigits(gflops)} GFLOP/s, copy ${threeDigits(gigabytes)} GB/s`

/** What is said where someone of such a name takes part. */
const NOTES: Readonly<Record<string, string>> = {
  onnxruntime: 'ONNX Runtime copies its inputs and outputs at each run: its interface for Node has no other way.',
  tfjs: 'tfjs runs in Node with Dawn as its navigator.gpu.',
  'jax-js': 'jax-js runs in Node by stand-ins for a browser: its navigator and, with several threads, its web workers.',
}

function peakText({ oneThread, allThreads, threads, fused, copy }: Peak): string {
  const all = threads > 1 ? `, ${threeDigits(allThreads)} on ${threads}` : ''
  const how = fused ? 'relaxed SIMD' : 'multiply and add apart'
  return `peak of WebAssembly SIMD (${how}): ${threeDigits(oneThread)} GFLOP/s on 1 thread${all}; copying ${threeDigits(copy)} GB/s`
}
