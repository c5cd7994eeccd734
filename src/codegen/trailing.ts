/** Do all of `axes` lie behind the others, so that what they span is one run of memory? */
export function areTrailing(shape: readonly number[], axes: readonly number[]): boolean {
  const first = shape.findIndex((n, a) => n !== 1 && axes.includes(a))
  return first < 0 || shape.every((n, a) => a < first || n === 1 || axes.includes(a))
}
