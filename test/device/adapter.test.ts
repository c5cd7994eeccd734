import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// The one test that tells a missing driver from a fault of ours. It fails, never skips: a suite that passed because
// it ran nothing would hide that no kernel was ever tried.
it('Dawn gets an adapter and a device (else run scripts/setup-driver.sh)', () => {
  const script = fileURLToPath(new URL('../../scripts/adapter.mjs', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  expect(stdout.trim()).not.toBe('')
})
