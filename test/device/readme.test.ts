import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = new URL('../..', import.meta.url).pathname

it('the first example of the README prints what the README says', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/first.ts'], {
    cwd: ROOT,
  })
  expect(readFileSync(`${ROOT}README.md`, 'utf8')).toContain(`\`\`\`\n${stdout.trimEnd()}\n\`\`\``)
})
