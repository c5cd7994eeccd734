import { expect, test } from 'vitest'
import { peakModule } from '../../bench/machine/peak-module.ts'

test('the module made by hand is one, and its numbers stay finite', () => {
  const module = new WebAssembly.Module(peakModule(false))
  const { run } = new WebAssembly.Instance(module).exports as { run: (rounds: number) => number }
  expect(run(100)).toBeCloseTo(10) // ten chains, each at its fixed point 1
})
