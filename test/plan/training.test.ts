import { describe, expect, test } from 'vitest'
import { planInference, planTrainings } from '../../src/plan/plan.ts'
import { SMALL, SMALL_CHAT } from './request.ts'

describe('training a model with an encoder', () => {
  const inference = planInference(SMALL_CHAT)
  const plans = [...planTrainings(SMALL_CHAT, inference)]
  const [few, fewAgain, adapters, adaptersAgain, all] = plans
  const projection = 64 * 128 + 3 * 128

  test('is planned for what the release trains, with adapters, and for everything, with checkpoints and without', () => {
    expect(plans.map(({ trained, checkpointed }) => [trained, checkpointed])).toEqual([
      ['embeddings and projection', false],
      ['embeddings and projection', true],
      ['LoRA', false],
      ['LoRA', true],
      ['everything', false],
      ['everything', true],
    ])
  })

  test('trains embeddings and projection, and no other', () => {
    expect(few!.trainedParameters).toBe(512 * 128 + projection)
    expect(few!.frozen).toBe(inference.run.weights - 2 * few!.trainedParameters)
  })

  test('adapters of rank R take R numbers for each row and column of a matrix', () => {
    const [D, KV, F, R] = [128, 64, 352, 4]
    const perLayer = 2 * (D + D) + 2 * (D + KV) + 3 * (D + F)
    expect(adapters!.trainedParameters - few!.trainedParameters).toBe(5 * R * perLayer)
  })

  test('everything is all that is read', () => {
    expect(all!.trainedParameters).toBe(inference.parts.reduce((n, { parameters }) => n + parameters, 0))
    expect(all!.frozen).toBe(0)
  })

  test('weights, gradients and moments are f32', () => {
    for (const { trainedParameters, weights, gradients, optimiser } of plans) {
      expect([weights, gradients, optimiser]).toEqual([4, 4, 8].map((bytes) => bytes * trainedParameters))
    }
  })

  test('gradients are made where the backward pass is, so that adapters keep nothing of a checkpointed layer', () => {
    expect(adaptersAgain!.working).toBeLessThan(0.6 * adapters!.working)
  })

  test('checkpoints take less memory, and more work', () => {
    expect(fewAgain!.working).toBeLessThan(few!.working)
    expect(fewAgain!.paper.flops.products).toBeGreaterThan(few!.paper.flops.products)
  })
})

test('a decoder by itself is trained by adapters or as a whole, in f32 without casts', () => {
  const request = { ...SMALL, precision: 'f32', seq: 64 } as const
  const plans = [...planTrainings(request, planInference(request))]
  expect(plans.map(({ trained }) => trained)).toEqual(['LoRA', 'LoRA', 'everything', 'everything'])
  expect(plans[2]!.paper.temporaries.filter(({ name }) => name.startsWith('f16'))).toEqual([])
})
