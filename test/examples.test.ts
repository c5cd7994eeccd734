import { describe, expect, it } from 'vitest'
import { compareVariants } from '../examples/attention-variant.ts'
import { explainAndProfile } from '../examples/explain-and-profile.ts'
import { linearFit } from '../examples/linear-fit.ts'
import { fineTune } from '../examples/lora.ts'
import { trainInBoth } from '../examples/mixed-precision.ts'
import { mlpClassifier } from '../examples/mlp-classifier.ts'

const device = 'reference'

describe('examples', () => {
  it('linear-fit finds the line', async () => {
    const logged: string[] = []
    const { slope, offset, loss } = await linearFit({ device, steps: 60, log: (line) => logged.push(line) })
    expect(slope).toBeCloseTo(3, 1)
    expect(offset).toBeCloseTo(-1, 1)
    expect(loss).toBeLessThan(0.02)
    expect(logged).toEqual([expect.stringMatching(/^step 50: loss 0\.01\d\d$/)])
  })

  it('mlp-classifier learns the spirals', async () => {
    const { loss, accuracy } = await mlpClassifier({ device, steps: 60 })
    expect(loss).toBeLessThan(0.3)
    expect(accuracy).toBeGreaterThan(0.8)
  })

  it('mixed-precision brings the scale down, then learns as in f32', async () => {
    const { f32, f16, scale } = await trainInBoth({ device, steps: 30 })
    expect(scale).toBeLessThan(2 ** 24)
    expect(f32).toBeLessThan(0.2)
    expect(f16).toBeLessThan(0.3)
  })

  it('lora learns by its adapters alone, which survive saving and fusing', async () => {
    const { before, after, loaded, fused } = await fineTune({ device, steps: 5 })
    expect(after).toBeLessThan(before - 0.1)
    expect(loaded).toBe(after)
    expect(fused).toBeCloseTo(after, 4)
  })

  it('attention-variant gives a loss per variant and seed, equal when run again', async () => {
    const settings = { device, steps: 1, unseen: 1, seeds: 1 } as const
    const losses = await compareVariants(settings)
    expect(Object.keys(losses)).toEqual(['causal', 'sliding window of 6', 'ALiBi', 'recent'])
    const values = Object.values(losses).flat()
    // Little is learned in one step; guessing gives ln 8.
    for (const value of values) expect(Math.abs(value - Math.log(8))).toBeLessThan(0.5)
    expect(new Set(values).size).toBe(values.length)
    expect(await compareVariants(settings)).toEqual(losses)
  })

  it('explain-and-profile shows the gradient as a graph and what becomes of it', async () => {
    const { graph, explanation } = await explainAndProfile({ device })
    expect(graph).toMatch(/^fn gradient\(layer\.w: f32\[64,32\], layer\.b: f32\[32\], x: f32\[128,64\]\) -> /)
    expect(graph).toMatch(/dot x layer\.w .*\/\/ examples\/explain-and-profile\.ts:\d+:\d+/)
    expect(explanation).toContain('dot')
  })
})
