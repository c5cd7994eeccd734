import { parse, View } from 'vega'
import type { StepRecord, TrainResult } from './training.ts'

/** The history of a run as an SVG: loss and share predicted right over steps, the two stages one after the other. */
export async function lossPlot({ words, answers }: TrainResult['history']): Promise<string> {
  const values = [
    ...smoothed(words, 0).map((v) => ({ ...v, stage: 'words' })),
    ...smoothed(answers, words.length).map((v) => ({ ...v, stage: 'answers' })),
  ]
  const line = (field: string, scale: string, colour: string) => ({
    type: 'line' as const,
    from: { data: 'stage' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'step' },
        y: { scale, field },
        stroke: { value: colour },
        strokeWidth: { value: 2 },
      },
    },
  })
  const spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    width: 640,
    height: 320,
    padding: 12,
    background: 'white',
    title: `Training: ${words.length} steps of words, then ${answers.length} of questions and answers (means of 15 steps)`,
    data: [{ name: 'history', values }],
    scales: [
      { name: 'x', type: 'linear' as const, range: 'width' as const, domain: { data: 'history', field: 'step' } },
      {
        name: 'loss',
        type: 'linear' as const,
        range: 'height' as const,
        zero: true,
        nice: true,
        domain: { data: 'history', field: 'loss' },
      },
      { name: 'accuracy', type: 'linear' as const, range: 'height' as const, domain: [0, 1] },
    ],
    axes: [
      { orient: 'bottom' as const, scale: 'x', title: 'step' },
      { orient: 'left' as const, scale: 'loss', title: 'loss', titleColor: '#c0392b', grid: true },
      {
        orient: 'right' as const,
        scale: 'accuracy',
        title: 'share predicted right',
        titleColor: '#2471a3',
        format: '%',
      },
    ],
    marks: [
      {
        type: 'group' as const,
        from: { facet: { name: 'stage', data: 'history', groupby: 'stage' } },
        marks: [line('loss', 'loss', '#c0392b'), line('right', 'accuracy', '#2471a3')],
      },
    ],
  }
  return new View(parse(spec), { renderer: 'none' }).toSVG()
}

/** Means over windows of 15 steps; `first` is the number of the first step. */
function smoothed(history: readonly StepRecord[], first: number): { step: number; loss: number; right: number }[] {
  const window = 15
  return history.map(({ step }, i) => {
    const recent = history.slice(Math.max(0, i - window + 1), i + 1)
    const mean = (pick: (r: StepRecord) => number): number => recent.reduce((n, r) => n + pick(r), 0) / recent.length
    return { step: first + step, loss: mean((r) => r.loss), right: mean((r) => r.right) }
  })
}
