export interface Spread {
  readonly p10: number
  readonly p90: number
}

/** The value below which a share of the sample lies, between neighbours linearly. @throws RangeError for no sample. */
export function quantile(sample: readonly number[], share: number): number {
  if (sample.length === 0) throw new RangeError('quantile of nothing')
  const sorted = [...sample].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const next = sorted[Math.min(below + 1, sorted.length - 1)]!
  return sorted[below]! + (at - below) * (next - sorted[below]!)
}

export const median = (sample: readonly number[]): number => quantile(sample, 0.5)

export const spread = (sample: readonly number[]): Spread => ({
  p10: quantile(sample, 0.1),
  p90: quantile(sample, 0.9),
})
