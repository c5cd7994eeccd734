import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Command } from 'commander'
import type { Io } from '../src/cli/io.ts'
import { oneOf, wholeNumber } from '../src/cli/options.ts'
import { ValueError } from '../src/util/errors.ts'
import { runBenchmark } from './benchmark.ts'
import { benchmarkCases, type Case, roofCases, type Scale } from './cases.ts'
import { contendersFor, roofContenders } from './contenders.ts'
import type { BenchDevice } from './implementation.ts'
import { describeMachine } from './machine/describe.ts'
import { measurePeak } from './machine/peak.ts'
import { measureRoof, type Roof, raisedBy } from './machine/roof.ts'
import { chartSvg } from './report/chart.ts'
import { whereabouts } from './report/estimate.ts'
import { header } from './report/header.ts'
import { reportJson } from './report/json.ts'
import { statusLine } from './report/status-line.ts'
import { summary } from './report/summary.ts'
import { caseTable } from './report/table.ts'
import { targetTable, verdicts } from './report/targets.ts'

const DEVICES: readonly BenchDevice[] = ['wasm', 'webgpu', 'reference']
const QUICK_RUNS = 2
const MOST_THREADS = 256

interface Options {
  readonly device: BenchDevice
  readonly threads: number
  readonly only?: string
  readonly runs?: number
  readonly quick?: true
  readonly peers: boolean
  readonly warm?: true
  readonly json?: string
  readonly chart?: string
}

const MORE = `
Who is measured, beside weft:
  --device wasm    onnxruntime-web, jax-js, and PyTorch where a python3 has it; each with 1 thread and with --threads
  --device webgpu  onnxruntime-node (its WebGPU provider), jax-js and tfjs on Dawn, PyTorch on the processor
The first run on webgpu installs onnxruntime-node and tfjs into bench/peers (600 MB).

Each case has new processes. On webgpu their driver starts with an empty cache, so that first calls are cold; with a
software driver that takes some peers minutes. After it there are warm-up rounds, then runs of each in turn: 15 or more
for 3 seconds a case, fewer where they are slow, never less than 3, and just 3 of one whose first call took more than
20 s. A whole run takes some quarter of an hour on wasm, half an hour on webgpu with a software driver.
`

/** The command line of the benchmark: tables to `out`, progress to `err`. */
export function benchCommand(io: Io): Command {
  return new Command('bench')
    .description('Measures weft and what one might use instead, side by side.')
    .option(
      '-d, --device <name>',
      'wasm, webgpu, or reference (the slow evaluator, tiny cases only)',
      oneOf('--device', DEVICES),
      'wasm',
    )
    .option(
      '-t, --threads <n>',
      'threads on the processor; each runs with one as well',
      wholeNumber('--threads', 1, MOST_THREADS),
      availableParallelism(),
    )
    .option('-o, --only <text>', 'only cases whose name contains the text')
    .option('-r, --runs <n>', 'runs of each', wholeNumber('--runs', 1))
    .option('-q, --quick', 'tiny cases, two runs: tries that all works; the times mean nothing')
    .option('--no-peers', 'weft alone')
    .option('-w, --warm', 'let the driver keep its cache: quicker, but first calls are not cold')
    .option('-j, --json <file>', 'write the rows as JSON as well')
    .option('-c, --chart <file>', 'write a chart as SVG; with --json alone it goes beside that file')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', MORE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: () => {}, // main prints every error, in one form
    })
    .action((options: Options) => bench(options, io))
}

async function bench(options: Options, io: Io): Promise<void> {
  const { device, threads, only, runs, quick, peers, json } = options
  const scale: Scale = quick || device === 'reference' ? 'tiny' : 'full'
  const cases = chosen(benchmarkCases(scale), only)
  const limits = runs !== undefined ? { runs } : quick ? { runs: QUICK_RUNS } : {}
  const cold = device === 'wasm' || (device === 'webgpu' && !options.warm && !quick)
  const status = statusLine(io.err)
  try {
    status.show('measuring what the machine can do')
    const peak = quick || device !== 'wasm' ? null : await measurePeak(threads)
    const measuredRoofs: Roof[] = []
    for (const contender of device === 'reference' ? [] : roofContenders(device, threads)) {
      measuredRoofs.push(await measureRoof(contender, roofCases(scale)))
    }
    const contenders = contendersFor(device, threads, { peers, cold })
    const begun = performance.now()
    let at = -1
    let where = ''
    const { rows, versions } = await runBenchmark(cases, contenders, limits, (index, what) => {
      if (index !== at) where = whereabouts(cases, index, performance.now() - begun)
      at = index
      status.show(`[${where}] ${cases[index]!.name}: ${what}`)
    })
    status.end()

    const date = new Date()
    const machine = describeMachine()
    const roofs = raisedBy(measuredRoofs, rows)
    // Times of tiny cases mean nothing. Without peers most targets have nothing to be held against.
    const judged = scale === 'tiny' ? [] : verdicts(device, { rows, cold })
    const targets = judged.filter(({ state }) => peers || state !== 'not measured')
    const chart = options.chart ?? json?.replace(/(\.json)?$/, '.svg')
    if (json !== undefined) {
      const report = { date: date.toISOString(), machine, peak, roofs, cold, versions, rows, targets }
      writeFileSync(json, reportJson(report))
    }
    if (chart !== undefined) writeFileSync(chart, await chartSvg(rows, `weft and others on ${device}`))
    const tables = cases.map(({ name }) =>
      caseTable(
        name,
        rows.filter((row) => row.case === name),
        roofs,
      ),
    )
    const head = header({ date, machine, peak, roofs, versions, scale, cold })
    const ends = [summary(rows), ...(targets.length > 0 ? [targetTable(targets)] : [])]
    io.out.write(`${[head, ...tables, ...ends].join('\n\n')}\n`)
  } finally {
    status.end()
  }
}

function chosen(cases: readonly Case[], only: string | undefined): readonly Case[] {
  const found = only === undefined ? cases : cases.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))
  if (found.length > 0) return found
  throw new ValueError(`--only ${only}: no such case`, { hint: cases.map(({ name }) => name).join('; ') })
}
