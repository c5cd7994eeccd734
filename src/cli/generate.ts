import type { Command } from 'commander'
import { readLlama2c } from '../data/llama2c.ts'
import { readLlama2cTokenizer } from '../data/llama2c-tokenizer.ts'
import { Random } from '../data/random.ts'
import type { Tokenizer } from '../data/tokenizer.ts'
import { type Generator, makeGenerator } from '../generate/generator.ts'
import { llamaConfig } from '../models/config.ts'
import { llamaSpec } from '../models/llama.ts'
import { loadParams } from '../models/params.ts'
import { type Sampler, sampler } from '../models/sampling.ts'
import { chooseDevice, type DeviceChoice } from '../runtime/choose.ts'
import { ValueError } from '../util/errors.ts'
import type { Io } from './io.ts'
import { decimal, deviceOption, wholeNumber } from './options.ts'

interface GenerateFlags {
  readonly model: string
  readonly tokenizer: string
  readonly prompt: string
  readonly steps?: number
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly seed: number
  readonly device: DeviceChoice
}

const DEFAULT_STEPS = 256

const DETAILS = `
Only the text goes to stdout, as it comes; the speed goes to stderr. The text ends before --steps where the model
begins a new one (BOS) or ends this one (EOS). At a temperature above 0, equal seeds give equal texts.

  weft generate --model stories260K.bin --tokenizer tok512.bin --steps 200 --temperature 0
  weft generate --model stories15M.bin --tokenizer tokenizer.bin --prompt "A cat" --temperature 0.8 --top-p 0.9`

/** Adds `weft generate` to the program. */
export function registerGenerate(program: Command, io: Io): void {
  program
    .command('generate')
    .summary('write text with a llama2.c checkpoint')
    .description('Writes text with a LLaMA model of the llama2.c format: a prompt and its continuation.')
    .requiredOption('-m, --model <file>', 'checkpoint, as stories260K.bin')
    .requiredOption('-z, --tokenizer <file>', 'the tokenizer it was trained with, as tok512.bin')
    .option('-p, --prompt <text>', 'how the text begins', '')
    .option(
      '-n, --steps <n>',
      `positions in all, those of the prompt included (default: ${DEFAULT_STEPS}, or all that the model has)`,
      wholeNumber('--steps', 1),
    )
    .option('-t, --temperature <x>', '0 takes the likeliest token always', decimal('--temperature', 0), 0)
    .option('--top-k <k>', 'above 0: choose among the k likeliest tokens', wholeNumber('--top-k', 1))
    .option('--top-p <p>', 'above 0: choose among the likeliest that reach this probability', decimal('--top-p', 0, 1))
    .option('-s, --seed <n>', 'of the random choices', wholeNumber('--seed', 0), 0)
    .addOption(deviceOption())
    .addHelpText('after', DETAILS)
    .action((flags: GenerateFlags) => generateText(flags, io))
}

async function generateText(flags: GenerateFlags, io: Io): Promise<void> {
  const checkpoint = await readLlama2c(flags.model)
  const config = llamaConfig({ ...checkpoint.config })
  const tokenizer = await readLlama2cTokenizer(flags.tokenizer, config.vocab_size)
  const { positions, prompt } = plan(flags, tokenizer, config.max_position_embeddings)
  const generator = makeGenerator({
    params: loadParams(llamaSpec(config), checkpoint.tensors),
    config,
    positions,
    device: await chooseDevice(flags.device),
    samplers: samplersOf(flags),
  })
  await write(generator, tokenizer, prompt, positions, io)
}

/** None at temperature 0, where the device chooses. */
function samplersOf({ temperature, topK, topP, seed }: GenerateFlags): Sampler[] | undefined {
  if (temperature === 0) return undefined
  const random = new Random(seed)
  return [
    sampler({
      temperature,
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
      random: () => random.next(),
    }),
  ]
}

/** @throws ValueError where the steps, or the prompt, do not fit the model. */
function plan(
  { steps, prompt }: GenerateFlags,
  tokenizer: Tokenizer,
  limit: number,
): { readonly positions: number; readonly prompt: readonly number[] } {
  const positions = steps ?? Math.min(DEFAULT_STEPS, limit)
  if (positions > limit) {
    throw new ValueError(`--steps ${positions}: the model has ${limit} positions`, { hint: `at most --steps ${limit}` })
  }
  const ids = tokenizer.encode(prompt, { bos: true })
  if (ids.length > positions) {
    throw new ValueError(`--prompt: its ${ids.length} tokens (BOS among them) do not fit in ${positions} steps`, {
      hint: ids.length <= limit ? `at least --steps ${ids.length}` : `the model has ${limit} positions`,
    })
  }
  return { positions, prompt: ids }
}

/** Writes the prompt and what follows as it comes, then how fast that was. */
async function write(
  generator: Generator,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  positions: number,
  { out, err }: Io,
): Promise<void> {
  const text = tokenizer.stream()
  const began = performance.now()
  await generator.prepare(prompt.length)
  const compiled = performance.now()
  for (const id of prompt) out.write(text.push(id))
  let count = 0
  let first = compiled
  // The pass that takes in the last position of the prompt gives the first token: hence one more than is left.
  for await (const [id] of generator.continue([prompt], positions - prompt.length + 1)) {
    if (id === undefined) break
    if (count++ === 0) first = performance.now()
    if (id === tokenizer.bosId || id === tokenizer.eosId) break
    out.write(text.push(id))
  }
  out.write(text.end())
  const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(2)
  const ended = performance.now()
  const speed = count > 1 ? `, then ${((1000 * (count - 1)) / (ended - first)).toFixed(1)} tokens/s` : ''
  err.write(
    `${out.isTTY ? '\n' : ''}weft: ${count} ${count === 1 ? 'token' : 'tokens'}; compiled in ${seconds(began, compiled)} s, ` +
      `first token after ${seconds(compiled, first)} s${speed}\n`,
  )
}
