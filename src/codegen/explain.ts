import type { Graph } from '../ir/graph.ts'
import { formatType } from '../ir/graph.ts'
import { print } from '../ir/print.ts'
import type { Built } from './build-program.ts'
import type { Cluster } from './clusters.ts'
import type { KernelReport } from './lowering-context.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { equationsOf, groupsOf, outputsOf, type Work, worksOf } from './schedule.ts'

/** What the reference evaluator runs: the graph itself. */
export const explainGraph = (graph: Graph): string => `${print(graph)}\non reference: evaluated equation by equation\n`

/** What comes before the first call with new sizes, in milliseconds. */
export interface FirstCallTimes {
  /** Tracing the function, and the passes. */
  readonly tracing: number
  /** Fusion, schedules, the memory plan. */
  readonly generation: number
  /** Compiling the kernels that the device has not met before. Some drivers put it off until a kernel first runs. */
  readonly loading: number
}

/** For a person: kernels and what is fused in each, why each value is stored, memory, and the text of each kernel. */
export function explainProgram(
  graph: Graph,
  { program, reports, memory }: Built,
  device: string,
  times?: FirstCallTimes,
): string {
  const flops = reports.reduce((n, r) => n + r.flops, 0)
  const bytes = reports.reduce((n, r) => n + r.bytes, 0)
  const lines = [
    `${program.name} on ${device}`,
    `${graph.equations.length} equations in ${reports.length} kernel calls of ${program.kernels.length} kernels; ` +
      `${amount(flops)}flop, ${amount(bytes)}B touched`,
    ...(times ? [explainTimes(times)] : []),
    '',
    'Kernel calls',
    ...reports.flatMap((r, i) => explainCall(r, i, program.kernels[r.kernel]!.name)),
    '',
    'Memory',
    ...explainMemory(memory),
    '',
    'Kernels',
    ...program.kernels.map((k) => `// ---- ${k.name} ----\n${k.target === 'wgsl' ? k.wgsl : k.text}`),
  ]
  return `${lines.join('\n')}\n`
}

const explainTimes = ({ tracing, generation, loading }: FirstCallTimes): string =>
  `before the first call: traced in ${Math.round(tracing)} ms, kernels made in ${Math.round(generation)} ms, ` +
  `loaded on the device in ${Math.round(loading)} ms`

function explainMemory({ arenas, peak, livenessBound, unplanned, intervals }: MemoryPlan): string[] {
  if (intervals.length === 0) return ['  no temporaries']
  const over = `${((100 * peak) / livenessBound - 100).toFixed(1)}% more than the ${amount(livenessBound)}B alive at one time`
  return [
    `  planned peak ${amount(peak)}B for ${intervals.length} temporaries, ${over}; one buffer for each would take ` +
      `${amount(unplanned)}B`,
    ...arenas.map(({ bytes, largest }, i) => `  arena ${i}: ${amount(bytes)}B, the largest in it ${largest}`),
  ]
}

function explainCall(r: KernelReport, i: number, kernel: string): string[] {
  const threads = `${r.workgroups.join('x')} workgroups`
  const place = r.inPlace ? ', in place' : ''
  const head = `  ${i}. ${kernel}: ${outputsOf(r.work)
    .map((v) => formatType(v.type))
    .join(', ')}, ${amount(r.flops)}flop, ${amount(r.bytes)}B, ${threads}${place}`
  const works = worksOf(r.work)
  const parts = works.flatMap((work, m) => [
    ...(works.length > 1 ? [`     ${m + 1} of ${works.length} side by side, which know nothing of one another`] : []),
    ...explainWork(work),
  ])
  const reasons = groupsOf(r.work)
    .filter((g) => outputsOf(r.work).includes(g.root))
    .map((g) => g.reason)
  const choice = r.choice === undefined ? [] : [`     tiling: ${r.choice}`]
  return [head, ...parts, `     stored: ${[...new Set(reasons)].join('; ')}`, ...choice]
}

const JOINED: Readonly<Record<Cluster['form'], string>> = {
  rows: 'all of it walks the same rows',
  map: 'all of it is done at the same elements',
  epilogue: 'all of it is done to the elements that the first group makes',
}

function explainWork(work: Work): string[] {
  const equations = equationsOf(work)
    .filter((e) => e.prim.kind !== 'constant')
    .map((e) => {
      const at = e.source?.location()
      return `       ${formatType(e.outputs[0]!.type)} = ${e.prim.name}${at ? `   // ${at}` : ''}`
    })
  return work.kind === 'cluster' ? [...equations, `     joined: ${JOINED[work.form]}`] : equations
}

/** 1234567 as '1.23 M'. */
function amount(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T']
  let value = n
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}
