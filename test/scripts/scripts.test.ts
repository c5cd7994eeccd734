import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'weft-scripts-'))
afterAll(() => rmSync(folder, { recursive: true }))

it.each(['scripts/test.sh', 'scripts/setup-driver.sh', '.ci/run'])('%s is well-formed bash', (script) => {
  const { status, stderr } = spawnSync('bash', ['-n', join(root, script)], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})

describe('test-summary', () => {
  const test = (status: string) => ({ status, fullName: `a ${status} test` })
  const file = (status: string, ...assertionResults: object[]) => ({
    name: 'x.test.ts',
    status,
    message: 'boom',
    assertionResults,
  })

  function summary(...reports: (object[] | string)[]) {
    const paths = reports.map((report, i) => {
      const path = join(folder, `${i}.json`)
      if (typeof report === 'string') return join(folder, report)
      writeFileSync(path, JSON.stringify({ testResults: report }))
      return path
    })
    const run = spawnSync(process.execPath, [join(root, 'scripts/test-summary.mjs'), ...paths], { encoding: 'utf8' })
    return { status: run.status, lines: run.stdout.trim().split('\n') }
  }

  it('totals the reports', () => {
    const run = summary([file('passed', test('passed'), test('passed'))], [file('passed', test('passed'))])
    expect(run).toEqual({ status: 0, lines: ['3 passed, 0 failed'] })
  })

  it('names failures and counts what was skipped', () => {
    const run = summary([file('failed', test('failed'), test('passed'), test('pending'))])
    expect(run).toEqual({ status: 1, lines: ['failed: x.test.ts: a failed test', '1 passed, 1 failed, 1 skipped'] })
  })

  it('counts a file that does not load', () => {
    const run = summary([file('passed', test('passed')), file('failed')])
    expect(run).toEqual({ status: 1, lines: ['failed: x.test.ts: boom', '1 passed, 1 failed'] })
  })

  it('counts a missing report as a failure, and no tests at all as none passed', () => {
    expect(summary([file('passed', test('passed'))], 'missing.json')).toMatchObject({ status: 1 })
    expect(summary([])).toEqual({ status: 1, lines: ['0 passed, 0 failed'] })
  })
})
