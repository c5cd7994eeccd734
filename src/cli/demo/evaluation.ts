import { compile } from '../../compile.ts'
import { type DialogueSource, dialogueSource } from '../../data/dialogue.ts'
import { QUESTION_TYPES, type QuestionType } from '../../data/questions.ts'
import type { SplitName } from '../../data/splits.ts'
import type { VisualChatConfig } from '../../models/visualchat.ts'
import { showProgress } from '../progress.ts'
import { shapesFor, toTrainBatch } from './batches.ts'
import type { DemoData } from './data.ts'
import { answerPredictions } from './model.ts'
import type { DemoParams } from './parameters.ts'
import { type DemoSettings, MAX_IMAGES } from './settings.ts'

/** Answers to one type of question in one split. */
export interface Score {
  readonly split: SplitName
  readonly type: QuestionType
  readonly asked: number
  readonly right: number
  /** Right answers to expect from uniform guesses among the plausible answers. */
  readonly byChance: number
}

const EVALUATED: readonly SplitName[] = ['train', 'newArtist', 'newConcepts', 'newBoth']

/**
 * Asks held-out questions, one to a dialogue, so that no earlier answer helps. An answer is right if every token of it
 * and its end is the likeliest given those before: just when greedy decoding gives the answer to the letter.
 */
export async function evaluate(
  params: DemoParams,
  config: VisualChatConfig,
  data: DemoData,
  settings: DemoSettings,
  signal: AbortSignal,
): Promise<Score[]> {
  const shapes = shapesFor(MAX_IMAGES, settings)
  const perSplit = Math.ceil(settings.questions / shapes.batch)
  const predict = compile(answerPredictions(config), [params, exampleBatch(data, settings)], {
    device: settings.device,
    name: 'predict',
  })
  const scores: Score[] = []
  const progress = showProgress({ label: 'evaluating', total: EVALUATED.length * perSplit })
  for (const [s, split] of EVALUATED.entries()) {
    const source = questions(data, settings, split)
    const tally = new Map<QuestionType, { asked: number; right: number; byChance: number }>()
    for (let i = 0; i < perSplit && !signal.aborted; i++) {
      const dialogues = Array.from({ length: shapes.batch }, (_, b) => source.at(i * shapes.batch + b))
      const batch = toTrainBatch(dialogues, data, settings, shapes)
      const [predicted, answers, at] = await Promise.all([
        (await predict(params, batch)).read(),
        batch.answers.read(),
        batch.answerAt.read(),
      ])
      dialogues.forEach((d, b) => {
        const rows = [...at.keys()].filter((k) => answers[k]! >= 0 && Math.floor(at[k]! / shapes.length) === b)
        const { type, chance } = d.turns[0]!
        const t = tally.get(type) ?? { asked: 0, right: 0, byChance: 0 }
        t.asked++
        t.byChance += chance
        if (rows.every((k) => predicted[k] === answers[k])) t.right++
        tally.set(type, t)
      })
      progress.update(s * perSplit + i + 1)
    }
    for (const type of QUESTION_TYPES) {
      const t = tally.get(type)
      if (t) scores.push({ split, type, ...t })
    }
  }
  progress.stop()
  predict.dispose()
  return scores
}

const questions = (data: DemoData, { seed }: DemoSettings, split: SplitName): DialogueSource =>
  // A seed of its own: dialogues that training has not seen, even from the training split.
  dialogueSource(data.splits[split], data.emoji.has, { seed: seed + 7919, maxImages: MAX_IMAGES, maxTurns: 1 })

function exampleBatch(data: DemoData, settings: DemoSettings) {
  const shapes = shapesFor(MAX_IMAGES, settings)
  const source = questions(data, settings, 'train')
  const dialogues = Array.from({ length: shapes.batch }, (_, b) => source.at(b))
  return toTrainBatch(dialogues, data, settings, shapes)
}

const SPLIT_NAMES: Readonly<Record<SplitName, string>> = {
  train: 'new dialogues',
  newArtist: 'new artist',
  newConcepts: 'new concepts',
  newBoth: 'new artist and concepts',
}

/** Share of right answers by type and split, beside what guessing gives. */
export function scoreTable(scores: readonly Score[]): string {
  const cell = (text: string): string => text.padStart(24)
  const row = (type: string, of: (split: SplitName) => readonly Score[]): string =>
    type.padEnd(8) +
    EVALUATED.map((split) => {
      const list = of(split)
      const total = (pick: (s: Score) => number): number => list.reduce((n, s) => n + pick(s), 0)
      if (list.length === 0) return cell('-')
      const asked = total((s) => s.asked)
      return cell(
        `${percent(
          total((s) => s.right),
          asked,
        )} (chance ${percent(
          total((s) => s.byChance),
          asked,
        )})`,
      )
    }).join('')
  const types = QUESTION_TYPES.filter((type) => scores.some((s) => s.type === type))
  return [
    'question'.padEnd(8) + EVALUATED.map((split) => cell(SPLIT_NAMES[split])).join(''),
    ...types.map((type) => row(type, (split) => scores.filter((s) => s.type === type && s.split === split))),
    row('all', (split) => scores.filter((s) => s.split === split)),
  ].join('\n')
}

/** Standard errors above chance from which a score counts as better than guessing. */
const CLEARLY = 2.5

/** In words: which questions the model answers better than by guessing, on what was held out. */
export function verdict(scores: readonly Score[]): string {
  const better: string[] = []
  const guessed: string[] = []
  for (const type of QUESTION_TYPES) {
    const held = scores.filter((s) => s.type === type && s.split !== 'train')
    const total = (pick: (s: Score) => number): number => held.reduce((n, s) => n + pick(s), 0)
    const [asked, right, byChance] = [total((s) => s.asked), total((s) => s.right), total((s) => s.byChance)]
    if (asked === 0) continue
    const spread = Math.sqrt(byChance * (1 - byChance / asked))
    const list = right - byChance > CLEARLY * spread ? better : guessed
    list.push(`${type} (${percent(right, asked)} against ${percent(byChance, asked)})`)
  }
  const lines = [
    ['Clearly better than guessing on what was held out: ', better],
    ['No better than guessing: ', guessed],
  ] as const
  return lines.map(([text, types]) => `${text}${types.length > 0 ? types.join(', ') : 'none'}.`).join('\n')
}

const percent = (n: number, of: number): string => `${Math.round((100 * n) / Math.max(1, of))}%`
