import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { llamaConfig } from '../models/config.ts'
import { ATTENTION_KINDS, type AttentionKind } from '../models/decoder-attention.ts'
import { type ConfigJson, knownConfig, LANGUAGE_CONFIGS, VISION_CONFIGS } from '../models/known-configs.ts'
import { PROJECTION_KINDS, type ProjectionKind } from '../models/projection.ts'
import { PRECISIONS, type Precision } from '../models/storage.ts'
import { visionConfig } from '../models/vision.ts'
import { planInference, planTrainings } from '../plan/plan.ts'
import type { PlanRequest } from '../plan/request.ts'
import type { TrainingPlan } from '../plan/training.ts'
import { FileError, ValueError } from '../util/errors.ts'
import type { Io } from './io.ts'
import { oneOf, wholeNumber } from './options.ts'
import { planJson } from './plan-json.ts'
import { inferenceReport, type Titles, trainingReport } from './plan-report.ts'
import { showProgress } from './progress.ts'

interface Flags {
  readonly language: string
  readonly vision?: string
  readonly projection: ProjectionKind
  readonly attention?: AttentionKind
  readonly precision: Precision
  readonly seq: number
  readonly batch: number
  readonly images: number
  readonly rank: number
  readonly bindingLimit: number
  readonly memory?: number
  readonly training: boolean
  readonly json?: true
}

const DETAILS = `
Known encoders: ${Object.keys(VISION_CONFIGS).join(', ')}.
Known decoders: ${Object.keys(LANGUAGE_CONFIGS).join(', ')}.
The path of a config.json does as well. Nothing is downloaded and no device is opened: the model is traced and compiled
for WebGPU with weights that do not exist, and the memory is what the compiler planned.`

/** Adds `weft plan` to the program. */
export function registerPlan(program: Command, io: Io): void {
  program
    .command('plan')
    .summary('what a model takes to run and to train, without its weights')
    .description('Compiles a model without its weights, and tells what memory and work it takes to run and to train.')
    .requiredOption('-l, --language <name>', 'a decoder by name, or the path of its config.json')
    .option('--vision <name>', 'a visual encoder by name, or the path of its config.json')
    .option('--seq <n>', 'positions of a sequence, images included', wholeNumber('--seq', 8), 4096)
    .option(
      '--precision <p>',
      `of the weights, as loadModel keeps them: ${PRECISIONS.join(', ')}`,
      oneOf('--precision', PRECISIONS),
      'f16',
    )
    .option('--images <n>', 'images of each sequence', wholeNumber('--images', 1), 1)
    .option('--batch <n>', 'sequences at a time', wholeNumber('--batch', 1), 1)
    .option('--projection <kind>', PROJECTION_KINDS.join(', '), oneOf('--projection', PROJECTION_KINDS), 'baseline')
    .option(
      '--attention <kind>',
      `${ATTENTION_KINDS.join(', ')} (default: mmca-paper with an encoder, else causal)`,
      oneOf('--attention', ATTENTION_KINDS),
    )
    .option('--memory <size>', 'that there is: 8GB, 16GiB', byteSize('--memory'))
    .option('--binding-limit <size>', 'the largest buffer that a kernel binds', byteSize('--binding-limit'), 2 ** 27)
    .option('--rank <n>', "of LoRA's adapters", wholeNumber('--rank', 1), 8)
    .option('--no-training', 'leave out what training takes')
    .option('--json', 'for machines: sizes in bytes, all figures')
    .addHelpText('after', DETAILS)
    .action((flags: Flags) => plan(flags, io))
}

/** @throws ValueError, FileError for a model that is not known; what the configuration's reader throws. */
async function plan(flags: Flags, io: Io): Promise<void> {
  const start = performance.now()
  const request = await requestOf(flags)
  const titles: Titles = { language: flags.language, vision: flags.vision ?? null }
  const inference = planInference(request)
  if (!flags.json) io.out.write(`${inferenceReport(titles, request, inference)}\n`)
  const trainings = flags.training ? await planned(planTrainings(request, inference), request, io) : []
  const seconds = (performance.now() - start) / 1000
  if (flags.json) {
    io.out.write(`${JSON.stringify(planJson(titles, request, inference, trainings, seconds), null, 2)}\n`)
    return
  }
  if (trainings.length > 0) io.out.write(`${trainingReport(request, trainings)}\n`)
  io.out.write(`Compiled on paper in ${seconds.toFixed(1)} s.\n`)
}

/** One after the other, with progress: of large models each takes seconds. */
async function planned(plans: Iterable<TrainingPlan>, { vision }: PlanRequest, io: Io): Promise<TrainingPlan[]> {
  const all: TrainingPlan[] = []
  const progress = showProgress({ label: 'compiling training', total: vision ? 6 : 4, stream: io.err })
  try {
    for (const one of plans) {
      all.push(one)
      progress.update(all.length)
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
  } finally {
    progress.stop()
  }
  return all
}

async function requestOf(flags: Flags): Promise<PlanRequest> {
  const vision = flags.vision === undefined ? null : visionConfig(await configOf('vision', flags.vision))
  return {
    language: llamaConfig(await configOf('language', flags.language)),
    vision,
    projection: flags.projection,
    attention: flags.attention ?? (vision ? 'mmca-paper' : 'causal'),
    precision: flags.precision,
    seq: flags.seq,
    batch: flags.batch,
    images: vision ? flags.images : 0,
    rank: flags.rank,
    bindingLimit: flags.bindingLimit,
    memory: flags.memory ?? null,
  }
}

/** A known configuration, or what a file holds; of a whole CLIP's the part about its encoder. */
async function configOf(part: 'vision' | 'language', name: string): Promise<ConfigJson> {
  if (!/[/\\]|\.json$/.test(name)) return knownConfig(part, name)
  let text: string
  try {
    text = await readFile(name, 'utf8')
  } catch (cause) {
    throw new FileError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: 'the path of a config.json, or a name that weft plan --help lists',
    })
  }
  const json = parsed(name, text)
  const inner = json[part === 'vision' ? 'vision_config' : 'text_config']
  return isObject(inner) ? inner : json
}

function parsed(name: string, text: string): ConfigJson {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new FileError(`${name}: not JSON`)
  }
  if (!isObject(json)) throw new FileError(`${name}: not a JSON object`)
  return json
}

const isObject = (x: unknown): x is ConfigJson => typeof x === 'object' && x !== null && !Array.isArray(x)

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** A parser for a flag that takes a size with its unit. */
const byteSize =
  (flag: string) =>
  (text: string): number => {
    const [, number, unit] = /^([\d.]+)\s*([a-z]+)$/i.exec(text.trim()) ?? []
    const scale = unit === undefined ? undefined : UNITS[unit.toUpperCase()]
    const bytes = Number(number) * (scale ?? Number.NaN)
    if (Number.isFinite(bytes) && bytes >= 1) return Math.floor(bytes)
    throw new ValueError(`${flag} ${text}: not a size`, { hint: 'a number with its unit: 8GB, 128MiB' })
  }
