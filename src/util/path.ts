/** The two path helpers weft needs in a page as well as in Node (where `node:path` is out of reach). */
export const dirname = (path: string): string => path.replace(/\/[^/]*$/, '')

export function join(...parts: readonly string[]): string {
  const out: string[] = []
  for (const part of parts.join('/').split('/')) {
    if (part === '..') out.pop()
    else if (part !== '.') out.push(part)
  }
  return out.join('/')
}
