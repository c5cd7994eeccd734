import type { Command } from 'commander'
import { createChat } from '../../chat/session.ts'
import type { FloatDType } from '../../ir/dtype.ts'
import { chooseDevice } from '../../runtime/choose.ts'
import { closeDevices } from '../../runtime/registry.ts'
import type { Io } from '../io.ts'
import { decimal, deviceOption, oneOf, wholeNumber } from '../options.ts'
import { formatDuration } from '../progress.ts'
import { interactiveChat, scriptedConversations } from './conversation.ts'
import { prepareData } from './data.ts'
import { evaluate, scoreTable, verdict } from './evaluation.ts'
import { wholeModel } from './parameters.ts'
import { makeFolder, saveRun } from './save.ts'
import { type DemoSettings, modelConfig } from './settings.ts'
import { train } from './training.ts'

const PRECISIONS: readonly FloatDType[] = ['f32', 'f16']

/** Adds `weft demo`, which `npm start` runs. */
export function registerDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .summary('train a small VisualChat on emoji drawings, evaluate it, and talk to it')
    .description(
      'Draws the emoji, trains ViT, projection and LLaMA with MMCA from random weights, asks held-out questions, ' +
        'saves the model, and holds a conversation over several images. Ctrl-C saves what there is.',
    )
    .addOption(deviceOption())
    .option('-o, --output <folder>', 'where the run is saved', 'runs/demo')
    .option('--cache <folder>', 'where the drawings are kept', '.cache/weft')
    .option('--seed <n>', 'equal seeds give equal runs', wholeNumber('--seed', 0), 1234)
    .option('--word-steps <n>', 'steps of the first stage', wholeNumber('--word-steps', 1), 4000)
    .option('--drawings <n>', 'drawings per step of the first stage', wholeNumber('--drawings', 1), 64)
    .option('--steps <n>', 'steps of the second stage', wholeNumber('--steps', 1), 10_000)
    .option('--minutes <n>', 'training ends after this long at the latest', decimal('--minutes', 0.01), 9)
    .option('--batch <n>', 'dialogues of four images per step; more of shorter ones', wholeNumber('--batch', 1), 5)
    .option('--learning-rate <x>', 'the highest', decimal('--learning-rate', 0, 1), 2e-3)
    .option(
      '--precision <dtype>',
      'f32, or f16 with loss scaling, to train in',
      oneOf('--precision', PRECISIONS),
      'f32',
    )
    .option('--dim <n>', 'width of encoder and decoder', wholeNumber('--dim', 8), 96)
    .option('--layers <n>', 'decoder layers', wholeNumber('--layers', 1), 2)
    .option('--vision-layers <n>', 'encoder layers', wholeNumber('--vision-layers', 1), 3)
    .option('--heads <n>', 'attention heads', wholeNumber('--heads', 1), 4)
    .option('--patch <n>', 'side of an image patch in pixels: 4, 8, 16', wholeNumber('--patch', 4, 16), 8)
    .option('--questions <n>', 'held-out questions per split', wholeNumber('--questions', 1), 480)
    .action((options: DemoSettings) => demo(options, io))
}

async function demo(settings: DemoSettings, io: Io): Promise<void> {
  const say = (text: string): unknown => io.out.write(`${text}\n`)
  makeFolder(settings.output)
  // Now, so that what the driver prints does not fall into a progress bar.
  await chooseDevice(settings.device)
  const data = await prepareData(settings)
  const config = modelConfig(settings, data.tokenizer)
  say(
    `${data.emoji.concepts.length} concepts by ${data.emoji.artists.length} artists; held out: twemoji's drawings, ` +
      `and ${data.splits.newConcepts.concepts.length} concepts. Vocabulary ${data.tokenizer.vocabSize}.`,
  )
  const interrupt = onInterrupt(io)
  const result = await train(config, settings, data, interrupt.signal)
  const { words, answers } = result.history
  const last = answers.at(-1) ?? words.at(-1)
  say(
    `trained ${words.length} + ${answers.length} steps in ${formatDuration(result.seconds)}` +
      `${ENDED[result.ended]}${last ? `: loss ${last.loss.toFixed(3)}` : ''}`,
  )
  const files = await saveRun(settings.output, config, data.tokenizer, result)
  say(`saved ${files.join(', ')}`)
  if (interrupt.signal.aborted) return

  const scores = await evaluate(result.params, config, data, settings, interrupt.signal)
  say(
    `\nRight answers, to the letter, to ${settings.questions} questions per column:\n${scoreTable(scores)}\n\n${verdict(scores)}\n`,
  )
  if (interrupt.signal.aborted) return
  interrupt.end()
  const session = createChat({
    params: wholeModel(result.params),
    config,
    tokenizer: data.tokenizer,
    device: settings.device,
    maxNewTokens: 16,
  })
  say('A conversation:')
  await scriptedConversations(session, data, io)
  if (process.stdin.isTTY && io.out.isTTY) await interactiveChat(session, data, io)
  session.dispose()
}

const ENDED = { steps: '', time: ' (--minutes were over)', interrupted: ' (interrupted)' } as const

/** The first Ctrl-C asks to stop and save; a second one ends the process at once. */
function onInterrupt({ err }: Io): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController()
  const handler = (): void => {
    if (controller.signal.aborted) {
      closeDevices()
      process.exit(130)
    }
    controller.abort()
    err.write('\nstopping after this step, then saving (Ctrl-C again to end at once)\n')
  }
  process.on('SIGINT', handler)
  return { signal: controller.signal, end: () => process.off('SIGINT', handler) }
}
