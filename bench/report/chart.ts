import { parse, type Spec, View } from 'vega'
import { isMeasured, type MeasuredRow, type Row } from '../row.ts'
import { threeDigits } from './table.ts'

/** One bar: how many times weft's time an implementation takes in a case. */
export interface Bar {
  readonly case: string
  readonly implementation: string
  readonly ratio: number
  readonly label: string
}

/** Each implementation's fastest row against weft's fastest, weft's own among them. Weft alone is no comparison. */
export function chartBars(rows: readonly Row[]): Bar[] {
  const measured = rows.filter(isMeasured)
  return [...new Set(measured.map((row) => row.case))].flatMap((name) => {
    const best = new Map<string, MeasuredRow>()
    for (const row of measured.filter((one) => one.case === name)) {
      const known = best.get(row.implementation)
      if (!known || row.median < known.median) best.set(row.implementation, row)
    }
    const own = best.get('weft')
    if (!own || best.size === 1) return []
    return [...best.values()].map(({ implementation, median, device }) => ({
      case: name,
      implementation: device === own.device ? implementation : `${implementation} (${device})`,
      ratio: median / own.median,
      label: `${threeDigits(median)} ms`,
    }))
  })
}

const BAR = 15
const GAP = 12
/** The axis goes on so far beyond the longest bars, for the times beside them. */
const ROOM = 1.4
const COLOURS = ['#c0392b', '#2471a3', '#1e8449', '#b7950b', '#7d3c98', '#707b7c', '#ca6f1e']

/** Bars by case, on a logarithmic axis: right of 1 slower than weft, left of it faster. */
export function chartSpec(bars: readonly Bar[], title: string): Spec {
  const implementations = [...new Set(bars.map(({ implementation }) => implementation))]
  const cases = [...new Set(bars.map((bar) => bar.case))]
  let next = 0
  const heads: { case: string; y: number }[] = []
  const values = cases.flatMap((name) => {
    const own = bars.filter((bar) => bar.case === name)
    heads.push({ case: name, y: next + (own.length * BAR) / 2 })
    const placed = own.map((bar, i) => ({ ...bar, y: next + i * BAR }))
    next += own.length * BAR + GAP
    return placed
  })
  const ratios = bars.map(({ ratio }) => ratio)
  const colour = { scale: 'colour', field: 'implementation' }
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    width: 560,
    height: Math.max(next - GAP, BAR),
    padding: 12,
    background: 'white',
    title: { text: title, subtitle: 'time over that of weft: to the right of 1 slower than weft, to the left faster' },
    data: [
      { name: 'bars', values },
      { name: 'cases', values: heads },
    ],
    scales: [
      {
        name: 'x',
        type: 'log',
        range: 'width',
        domain: [Math.min(0.7, ...ratios) / ROOM, Math.max(2, ...ratios) * ROOM],
      },
      { name: 'colour', type: 'ordinal', domain: implementations, range: COLOURS },
    ],
    axes: [
      { orient: 'top', scale: 'x', format: '~g', grid: true, tickCount: 8 },
      { orient: 'bottom', scale: 'x', format: '~g', tickCount: 8 },
    ],
    legends: [{ fill: 'colour', orient: 'bottom', columns: 5, offset: 24 }],
    marks: [
      {
        type: 'rect',
        from: { data: 'bars' },
        encode: {
          enter: {
            x: { scale: 'x', value: 1 },
            x2: { scale: 'x', field: 'ratio' },
            y: { field: 'y' },
            height: { value: BAR - 2 },
            fill: colour,
          },
        },
      },
      {
        // weft's bar has no length: a tick stands for it.
        type: 'rule',
        from: { data: 'bars' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'ratio' },
            y: { field: 'y' },
            y2: { field: 'y', offset: BAR - 2 },
            stroke: colour,
            strokeWidth: { value: 3 },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'bars' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'ratio', offset: { signal: 'datum.ratio < 1 ? -5 : 5' } },
            align: { signal: "datum.ratio < 1 ? 'right' : 'left'" },
            y: { field: 'y', offset: BAR / 2 - 1 },
            baseline: { value: 'middle' },
            fontSize: { value: 10 },
            text: { field: 'label' },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'cases' },
        encode: {
          enter: {
            x: { value: -8 },
            align: { value: 'right' },
            baseline: { value: 'middle' },
            y: { field: 'y', offset: -1 },
            fontSize: { value: 12 },
            text: { field: 'case' },
          },
        },
      },
    ],
  }
}

export const chartSvg = (rows: readonly Row[], title: string): Promise<string> =>
  new View(parse(chartSpec(chartBars(rows), title)), { renderer: 'none' }).toSVG()
