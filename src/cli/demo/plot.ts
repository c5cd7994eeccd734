import { parse, View } from 'vega'
import type { StepRecord } from './training.ts'

/** The history of a run as an SVG: loss, and the share of answer tokens predicted right, over steps. */
export async function lossPlot(history: readonly StepRecord[]): Promise<string> {
  const values = smoothed(history)
  const line = (field: string, scale: string, colour: string) => ({
    type: 'line' as const,
    from: { data: 'history' },
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
    title: 'Training: loss (left) and answer tokens predicted right (right), mean of 15 steps',
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
      { orient: 'right' as const, scale: 'accuracy', title: 'token accuracy', titleColor: '#2471a3', format: '%' },
    ],
    marks: [line('loss', 'loss', '#c0392b'), line('accuracy', 'accuracy', '#2471a3')],
  }
  return new View(parse(spec), { renderer: 'none' }).toSVG()
}

/** Means over windows of 15 steps. */
function smoothed(history: readonly StepRecord[]): { step: number; loss: number; accuracy: number }[] {
  const window = 15
  return history.map(({ step }, i) => {
    const recent = history.slice(Math.max(0, i - window + 1), i + 1)
    const mean = (pick: (r: StepRecord) => number): number => recent.reduce((n, r) => n + pick(r), 0) / recent.length
    return { step, loss: mean((r) => r.loss), accuracy: mean((r) => r.accuracy) }
  })
}
