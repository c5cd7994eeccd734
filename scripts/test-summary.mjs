/**
 * Totals vitest's JSON reports: node scripts/test-summary.mjs unit.json wasm.json webgpu.json
 * Names what failed and ends with the line `N passed, N failed` (`, N skipped` where tests were). Exits with 1 when
 * anything failed, nothing passed, or a report is missing, as when the runner crashed or found no tests.
 */
import { readFileSync } from 'node:fs'

const count = { passed: 0, failed: 0, skipped: 0 }

for (const path of process.argv.slice(2)) {
  const report = readReport(path)
  if (report === undefined) fail(`${path}: no report: the run crashed or found no test`)
  else report.testResults.forEach(addFile)
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function addFile({ name, status, message, assertionResults }) {
  const failedBefore = count.failed
  for (const test of assertionResults) {
    if (test.status === 'passed') count.passed++
    else if (test.status === 'failed') fail(`${name}: ${test.fullName}`)
    else count.skipped++
  }
  // A file that does not load, or fails in its hooks, has no failed test to show for it.
  if (status === 'failed' && count.failed === failedBefore)
    fail(`${name}: ${firstLine(message) || 'failed as a whole'}`)
}

function firstLine(message) {
  return (message ?? '').split('\n')[0]
}

function fail(what) {
  count.failed++
  console.log(`failed: ${what}`)
}

const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0
