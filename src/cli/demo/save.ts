import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSafetensors } from '../../data/safetensors.ts'
import { saveTokenizer } from '../../data/tokenizer-file.ts'
import type { WordTokenizer } from '../../data/word-tokenizer.ts'
import { namedArrays } from '../../models/params.ts'
import type { VisualChatConfig } from '../../models/visualchat.ts'
import { FileError } from '../../util/errors.ts'
import { wholeModel } from './parameters.ts'
import { lossPlot } from './plot.ts'
import type { TrainResult } from './training.ts'

/** Makes the folder now, so that a run does not find out at its end that it cannot be saved. @throws FileError */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    throw new FileError(`cannot make the folder ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: 'choose another with --output',
    })
  }
}

/** Writes the model, its tokenizer and configuration, the history and its plot. Returns the files. */
export async function saveRun(
  folder: string,
  config: VisualChatConfig,
  tokenizer: WordTokenizer,
  { params, history, ended, seconds }: TrainResult,
): Promise<string[]> {
  const file = (name: string): string => join(folder, name)
  await writeSafetensors(file('model.safetensors'), await namedArrays(wholeModel(params)), {
    kind: 'visualchat',
    attention: config.attention,
    steps: String(history.words.length + history.answers.length),
  })
  saveTokenizer(tokenizer, file('tokenizer.json'))
  writeFileSync(file('config.json'), `${JSON.stringify(config, null, 2)}\n`)
  writeFileSync(file('history.json'), `${JSON.stringify({ ended, seconds, ...history })}\n`)
  writeFileSync(file('loss.svg'), await lossPlot(history))
  return ['model.safetensors', 'tokenizer.json', 'config.json', 'history.json', 'loss.svg'].map(file)
}
