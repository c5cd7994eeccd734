import type { Problem } from '../problem.ts'
import { isMeasured, type MeasuredRow, type Row } from '../row.ts'
import { columns } from './columns.ts'
import { fastest, threeDigits, WORTH_PLANNING } from './table.ts'

/** What weft is to reach, and what it reached. */
export interface Verdict {
  readonly what: string
  readonly target: string
  readonly found: string
  /** stated: there is no target. */
  readonly state: 'reached' | 'not reached' | 'not measured' | 'stated'
}

/** What was measured, and how. */
interface Measured {
  readonly rows: readonly Row[]
  /** First calls were made with an empty driver cache. */
  readonly cold: boolean
}

/** A target; null where the run had no such case. */
type Target = (measured: Measured) => Verdict | null

type Picks = (problem: Problem) => boolean

const is =
  (kind: Problem['kind']): Picks =>
  (problem) =>
    problem.kind === kind
const llama =
  (mode: 'forward' | 'gradient' | 'adamw'): Picks =>
  (problem) =>
    problem.kind === 'llama' && problem.mode === mode
const matmul =
  (n: number): Picks =>
  (problem) =>
    problem.kind === 'matmul' && problem.n === n

const WEBGPU: readonly Target[] = [
  faster('product 1024', matmul(1024), 1, ['onnxruntime-node', 'jax-js']),
  faster('softmax', is('softmax'), 3),
  faster('layer norm', is('layerNorm'), 3),
  faster('attention, no mask', is('attention'), 1.5),
  faster('LLaMA forward', llama('forward'), 1.5),
  faster('LLaMA gradient and AdamW', llama('adamw'), 4, ['jax-js']),
  fewKernels('LLaMA gradient and AdamW: kernels', llama('adamw'), 80),
  coldStart('LLaMA gradient and AdamW: first call, cold', llama('adamw'), 5, 'jax-js'),
]

const WASM: readonly Target[] = [
  faster('softmax', is('softmax'), 1),
  faster('layer norm', is('layerNorm'), 1),
  faster('elementwise', is('elementwise'), 1),
  faster('attention, no mask', is('attention'), 1.5, ['onnxruntime-web']),
  faster('LLaMA forward', llama('forward'), 1.5, ['onnxruntime-web']),
  faster('LLaMA gradient and AdamW', llama('adamw'), 4, ['jax-js']),
  stated('LLaMA gradient and AdamW', llama('adamw'), 'PyTorch'),
]

const ALL: readonly Target[] = [
  plannedMemory(1.15),
  noNewPipelines,
  ...[512, 1024, 2048].flatMap((length) =>
    (['forward', 'gradient'] as const).map((mode) =>
      stated(
        `MMCA ${length}, ${mode === 'forward' ? 'forward' : 'forward and backward'}`,
        (problem) => problem.kind === 'mmca' && problem.length === length && problem.mode === mode,
        'weft-unfused',
      ),
    ),
  ),
]

/** Those that the run has the cases for. */
export function verdicts(device: string, measured: Measured): Verdict[] {
  const targets = [...(device === 'webgpu' ? WEBGPU : device === 'wasm' ? WASM : []), ...ALL]
  return targets.flatMap((target) => target(measured) ?? [])
}

export function targetTable(found: readonly Verdict[]): string {
  const lines = found.map(({ what, target, found, state }) => [what, target, found, state === 'stated' ? '' : state])
  return columns([['target', 'asked for', 'found', ''], ...lines], new Set())
}

/** Times as fast as the fastest of the peers at equal threads; of several numbers of threads the worst counts. */
function faster(what: string, picks: Picks, factor: number, peers?: readonly string[]): Target {
  const names = peers ? peers.join(' and ') : 'the best peer'
  return ({ rows }) =>
    judged(what, `>= ${factor}x ${names}`, rows, picks, ratios(rows, picks, peers), (worst) => worst >= factor)
}

/** The ratio to a peer that there is no target for. */
function stated(what: string, picks: Picks, peer: string): Target {
  return ({ rows }) => {
    const verdict = judged(what, `${peer} takes`, rows, picks, ratios(rows, picks, [peer]), () => true)
    return verdict && { ...verdict, state: verdict.state === 'not measured' ? verdict.state : 'stated' }
  }
}

interface Found {
  readonly value: number
  readonly text: string
}

/** How many times weft's time the fastest peer takes, for each case and number of threads. */
function ratios(rows: readonly Row[], picks: Picks, peers?: readonly string[]): Found[] {
  const measured = rows.filter(isMeasured).filter(({ problem }) => picks(problem))
  return measured.filter(isWeft).flatMap((own) => {
    const peer = fastest(
      measured.filter(
        (row) =>
          row.case === own.case &&
          row.threads === own.threads &&
          (peers ? peers.includes(row.implementation) : row.script && !row.implementation.startsWith('weft')),
      ),
    )
    if (!peer) return []
    const value = peer.median / own.median
    const times = `${peer.implementation} ${threeDigits(peer.median)}, weft ${threeDigits(own.median)} ms`
    return [{ value, text: `${threeDigits(value)}x (${times}, ${own.threads} threads)`.replace(', 1 threads', '') }]
  })
}

function coldStart(what: string, picks: Picks, factor: number, name: string): Target {
  return ({ rows, cold }) => {
    const measured = cold ? rows.filter(isMeasured).filter(({ problem }) => picks(problem)) : []
    const peer = measured.find(({ implementation }) => implementation === name)
    const found = measured.filter(isWeft).flatMap((own) => {
      if (!peer) return []
      const value = peer.firstCall / own.firstCall
      const times = `${seconds(peer.firstCall)} and ${seconds(own.firstCall)} s`
      return [{ value, text: `${threeDigits(value)}x (${times})` }]
    })
    return judged(what, `>= ${factor}x faster than ${name}`, rows, picks, found, (worst) => worst >= factor)
  }
}

function fewKernels(what: string, picks: Picks, most: number): Target {
  return ({ rows }) => {
    const calls = own(rows).flatMap(({ problem, facts }) => (facts && picks(problem) ? [facts.kernelCalls] : []))
    const found = calls.map((n) => ({ value: -n, text: String(n) }))
    return judged(what, `<= ${most}`, rows, picks, found, (worst) => -worst <= most)
  }
}

function plannedMemory(most: number): Target {
  return ({ rows }) => {
    const found = own(rows).flatMap((row) => {
      if (!row.facts || row.facts.livenessBytes < WORTH_PLANNING) return []
      const ratio = row.facts.plannedBytes / row.facts.livenessBytes
      return [{ value: -ratio, text: `${ratio.toFixed(2)}x (${row.case})` }]
    })
    return found.length === 0
      ? null
      : judged('planned memory, worst case', `<= ${most}x what is alive`, rows, any, found, (worst) => -worst <= most)
  }
}

function noNewPipelines({ rows }: Measured): Verdict | null {
  const found = own(rows).flatMap((row) => {
    const count = row.facts?.newPipelines ?? null
    return count === null ? [] : [{ value: -count, text: count === 0 ? '0' : `${count} (${row.case})` }]
  })
  return found.length === 0
    ? null
    : judged('another sequence length, worst case', '0 new pipelines', rows, any, found, (worst) => worst === 0)
}

const any: Picks = () => true
const isWeft = ({ implementation }: Row): boolean => implementation === 'weft'
const own = (rows: readonly Row[]): MeasuredRow[] => rows.filter(isMeasured).filter(isWeft)
const seconds = (milliseconds: number): string => threeDigits(milliseconds / 1000)

/** The smallest value found decides; null where the run did not have the case. */
function judged(
  what: string,
  target: string,
  rows: readonly Row[],
  picks: Picks,
  found: readonly Found[],
  reached: (worst: number) => boolean,
): Verdict | null {
  if (!rows.some(({ problem }) => picks(problem))) return null
  const worst = [...found].sort((a, b) => a.value - b.value)[0]
  if (!worst) return { what, target, found: '-', state: 'not measured' }
  return { what, target, found: worst.text, state: reached(worst.value) ? 'reached' : 'not reached' }
}
