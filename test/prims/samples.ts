import { attentionSamples } from './attention-samples.ts'
import { elementwiseSamples } from './elementwise-samples.ts'
import { indexSamples } from './index-samples.ts'
import { nestedSamples } from './nested-samples.ts'
import type { SampleRow } from './sample.ts'
import { structureSamples } from './structure-samples.ts'

/** The one table of samples that drives the tests of primitives: at least one row for every primitive. */
export const samples: readonly SampleRow[] = [
  ...elementwiseSamples,
  ...structureSamples,
  ...indexSamples,
  ...nestedSamples,
  ...attentionSamples,
]

export { Random } from './random.ts'
export { nameOf, type Sample, type SampleRow, type Sources } from './sample.ts'
