/** A merge that was possible when found: of the symbols at `left` and `right`, which were then these. */
interface Candidate {
  readonly score: number
  readonly left: number
  readonly right: number
  readonly leftText: string
  readonly rightText: string
}

/**
 * Byte pair encoding: joins the two neighbours whose joined text scores highest, the leftmost among equals, until
 * none may join. `scoreOf` gives undefined for a text that is no piece. N symbols take O(N log N): neighbours are a
 * linked list and candidates a heap, in which one whose symbols have since grown is recognised when it comes up.
 */
export function mergeByScore(symbols: readonly string[], scoreOf: (text: string) => number | undefined): string[] {
  const texts: (string | undefined)[] = [...symbols] // undefined: joined to its left neighbour
  const next = symbols.map((_, i) => i + 1)
  const previous = symbols.map((_, i) => i - 1)
  const heap = new CandidateHeap()

  const consider = (left: number, right: number): void => {
    const leftText = texts[left]
    const rightText = texts[right]
    if (leftText === undefined || rightText === undefined) return // beyond either end
    const score = scoreOf(leftText + rightText)
    if (score !== undefined) heap.push({ score, left, right, leftText, rightText })
  }

  for (let i = 0; i + 1 < symbols.length; i++) consider(i, i + 1)
  for (let best = heap.pop(); best; best = heap.pop()) {
    const { left, right, leftText, rightText } = best
    if (texts[left] !== leftText || texts[right] !== rightText) continue
    texts[left] = leftText + rightText
    texts[right] = undefined
    next[left] = next[right]!
    previous[next[left]!] = left
    consider(previous[left]!, left)
    consider(left, next[left]!)
  }
  return texts.filter((text) => text !== undefined)
}

const before = (a: Candidate, b: Candidate): boolean => a.score > b.score || (a.score === b.score && a.left < b.left)

/** A binary heap, the best candidate at its root. */
class CandidateHeap {
  readonly #items: Candidate[] = []

  push(item: Candidate): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(item, items[parent]!)) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = item
  }

  pop(): Candidate | undefined {
    const items = this.#items
    const best = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return best
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++
      if (child >= items.length || !before(items[child]!, last)) break
      items[at] = items[child]!
      at = child
    }
    items[at] = last
    return best
  }
}
