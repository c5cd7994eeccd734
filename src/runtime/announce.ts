const said = new Set<string>()

/** A line on stderr (on a page, its console), once in the life of the process. */
export function announce(text: string): void {
  if (said.has(text)) return
  said.add(text)
  console.error(`weft: ${text}`)
}
