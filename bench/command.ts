import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Command } from 'commander'
import type { Io } from '../src/cli/io.ts'
import { oneOf, wholeNumber } from '../src/cli/options.ts'
import { ValueError } from '../src/util/errors.ts'
import { runBenchmark } from './benchmark.ts'
import { benchmarkCases, type Case, type Scale } from './cases.ts'
import { contendersFor } from './contenders.ts'
import type { BenchDevice } from './implementation.ts'
import { describeMachine } from './machine/describe.ts'
import { measurePeak } from './machine/peak.ts'
import { header } from './report/header.ts'
import { reportJson } from './report/json.ts'
import { statusLine } from './report/status-line.ts'
import { summary } from './report/summary.ts'
import { caseTable } from './report/table.ts'

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
  readonly json?: string
}

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
    .option('-r, --runs <n>', 'runs of each (otherwise 15 or more, for 3 seconds a case)', wholeNumber('--runs', 1))
    .option('-q, --quick', 'tiny cases, two runs: tries that all works; the times mean nothing')
    .option('--no-peers', 'weft alone')
    .option('-j, --json <file>', 'write the rows as JSON as well')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: () => {}, // main prints every error, in one form
    })
    .action((options: Options) => bench(options, io))
}

async function bench({ device, threads, only, runs, quick, peers, json }: Options, io: Io): Promise<void> {
  const scale: Scale = quick || device === 'reference' ? 'tiny' : 'full'
  const cases = chosen(benchmarkCases(scale), only)
  const limits = runs !== undefined ? { runs } : quick ? { runs: QUICK_RUNS } : {}
  const status = statusLine(io.err)
  try {
    status.show('measuring the peak of the machine')
    const peak = quick ? null : await measurePeak(threads)
    const contenders = contendersFor(device, threads, peers)
    const { rows, versions } = await runBenchmark(cases, contenders, limits, (text) => status.show(text))
    status.end()

    const date = new Date()
    const machine = describeMachine()
    if (json !== undefined) {
      writeFileSync(json, reportJson({ date: date.toISOString(), machine, peak, versions, rows }))
    }
    const tables = cases.map(({ name }) =>
      caseTable(
        name,
        rows.filter((row) => row.case === name),
        peak,
      ),
    )
    io.out.write(`${[header(date, machine, peak, versions, scale), ...tables, summary(rows)].join('\n\n')}\n`)
  } finally {
    status.end()
  }
}

function chosen(cases: readonly Case[], only: string | undefined): readonly Case[] {
  const found = only === undefined ? cases : cases.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))
  if (found.length > 0) return found
  throw new ValueError(`--only ${only}: no such case`, { hint: cases.map(({ name }) => name).join('; ') })
}
