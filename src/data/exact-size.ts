/**
 * Elements of a shape that a file claims. NaN when some partial product is no longer exact, even where a later 0 would
 * make the whole 0.
 */
export function exactSize(shape: readonly number[]): number {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!Number.isSafeInteger(count)) return Number.NaN
  }
  return count
}
