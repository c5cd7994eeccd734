/** Guesses at what a misspelt name was meant to be, for error messages. */

/** Longer words are not names that somebody mistyped; leaving them alone bounds the cost. */
const LONGEST = 64

/**
 * The candidate nearest to `word`, or undefined if none is near enough for the guess to help: about one letter in
 * three may be missing, extra, different or swapped with its neighbour. Of equally near ones the first wins; upper
 * and lower case count as the same.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined
  let best: string | undefined
  let bestDistance = Infinity
  for (const candidate of candidates) {
    const longer = Math.max(word.length, candidate.length)
    const allowed = Math.min(Math.max(1, Math.floor(longer / 3)), longer - 1)
    if (candidate.length > LONGEST || Math.abs(word.length - candidate.length) > allowed) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= allowed && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `did you mean max2?` as a hint, or undefined if nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const name = nearest(word, candidates)
  return name === undefined ? undefined : `did you mean ${name}?`
}

/** Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = []
  let oneBack = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = oneBack[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? twoBack[j - 2]! + 1 : Infinity
      row.push(Math.min(replaced, oneBack[j]! + 1, row[j - 1]! + 1, swapped))
    }
    twoBack = oneBack
    oneBack = row
  }
  return oneBack[b.length]!
}
