import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { creditsTable } from '../src/data/emoji-artists.ts'

const ROOT = new URL('..', import.meta.url).pathname
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('README', () => {
  const readme = read('README.md')

  it('shows the first example as it is', () => {
    expect(readme).toContain(`\`\`\`ts\n${read('examples/first.ts')}\`\`\``)
  })

  it('credits the drawings', () => {
    expect(readme).toContain(creditsTable())
  })
})

describe.each(['README.md', 'docs/architecture.md'])('%s', (path) => {
  const text = read(path)

  it('links to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((m) => join(dirname(path), m[1]!))
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([])
  })

  it('speaks of files that are there', () => {
    const files = [...text.matchAll(/`((?:src|test|docs|examples|scripts)\/[\w./-]+\.(?:ts|md|sh))`/g)].map(
      (m) => m[1]!,
    )
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })
})
