import { Random } from '../../data/random.ts'
import { makeGenerator } from '../../generate/generator.ts'
import { mostPositions } from '../../models/config.ts'
import { isGreedy, type Sampler, type SamplingOptions, sampler } from '../../models/sampling.ts'
import { ValueError } from '../../util/errors.ts'
import type { Io } from '../io.ts'
import { DEFAULT_STEPS, type GenerateFlags } from './flags.ts'
import { openWriter, type Writer } from './model.ts'
import { Text } from './text.ts'

/** Writes the prompts and what follows, then how fast that was. */
export async function generate(flags: GenerateFlags, io: Io): Promise<void> {
  const { prompt: prompts = [''] } = flags
  const samplers = samplersOf(flags, prompts.length) // before anything is read: flags out of range are told at once
  const writer = await openWriter(flags, io)
  const { positions, ids } = plan(flags, prompts, writer)
  const { config, params, device } = writer
  const generator = makeGenerator({ params, config, positions, batch: prompts.length, device, samplers })
  const single = prompts.length === 1
  const texts = prompts.map((_, b) => new Text(writer, ids[b]!, flags.stop ?? [], single ? io.out : undefined))
  const began = performance.now()
  const longest = Math.max(...ids.map(({ length }) => length))
  await generator.prepare(longest)
  const compiled = performance.now()
  for (const text of texts) text.begin()
  let first = compiled
  let steps = 0
  // The pass that takes in the last position of the prompts gives the first tokens: hence one more than is left.
  for await (const tokens of generator.continue(ids, positions - longest + 1)) {
    if (steps++ === 0) first = performance.now()
    for (const [b, id] of tokens.entries()) texts[b]!.continuation.push(id)
    if (texts.every(({ continuation }) => continuation.ending)) break
  }
  for (const [b, text] of texts.entries()) {
    const written = text.end()
    if (!single) io.out.write(`${JSON.stringify({ prompt: prompts[b], ...written })}\n`)
  }
  const count = texts.reduce((sum, { continuation }) => sum + continuation.tokens.length, 0)
  io.err.write(`${single && io.out.isTTY ? '\n' : ''}${speed(count, steps, { began, compiled, first })}\n`)
}

interface Times {
  readonly began: number
  readonly compiled: number
  readonly first: number
}

function speed(count: number, steps: number, { began, compiled, first }: Times): string {
  const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(2)
  // The first step's tokens came before the clock for the others began.
  const rate = (count * (steps - 1)) / steps / ((performance.now() - first) / 1000)
  return (
    `weft: ${count} ${count === 1 ? 'token' : 'tokens'}; compiled in ${seconds(began, compiled)} s, ` +
    `first token after ${seconds(compiled, first)} s${steps > 1 ? `, then ${rate.toFixed(1)} tokens/s` : ''}`
  )
}

/** None where the device chooses. Each text draws from numbers of its own. */
function samplersOf(flags: GenerateFlags, count: number): Sampler[] | undefined {
  const { temperature, topK, topP, repetitionPenalty, seed } = flags
  const options: SamplingOptions = {
    temperature,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    repetitionPenalty,
  }
  if (isGreedy(options)) return undefined
  return Array.from({ length: count }, (_, b) => {
    const random = new Random(seed + b)
    return sampler({ ...options, random: () => random.next() })
  })
}

/** @throws ValueError where the steps, or a prompt, do not fit the model. */
function plan(
  { steps }: GenerateFlags,
  prompts: readonly string[],
  { tokenizer, config }: Writer,
): { readonly positions: number; readonly ids: readonly (readonly number[])[] } {
  const limit = mostPositions(config)
  const positions = steps ?? Math.min(DEFAULT_STEPS, limit)
  if (positions > limit) {
    throw new ValueError(`--steps ${positions}: the model has ${limit} positions`, { hint: `at most --steps ${limit}` })
  }
  const ids = prompts.map((prompt) => tokenizer.encode(prompt, { bos: tokenizer.addsBos, special: true }))
  for (const { length } of ids) {
    if (length > positions) {
      throw new ValueError(`--prompt: its ${length} tokens (BOS among them) do not fit in ${positions} steps`, {
        hint: length <= limit ? `at least --steps ${length}` : `the model has ${limit} positions`,
      })
    }
    if (length === 0) {
      throw new ValueError('--prompt: no tokens to begin with', { hint: 'this tokenizer has no BOS: give a prompt' })
    }
  }
  return { positions, ids }
}
