import { mean, mul, square } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { FileError } from '../util/errors.ts'
import { clipVisionConfig } from './config.ts'
import { loadParams } from './params.ts'
import { type ProjectionParams, project, projectionSpec } from './projection.ts'
import type { Case, Fixture } from './verify.ts'
import { input, jsonField } from './verify-fixture.ts'
import { type ClipVisionParams, clipVision, clipVisionSpec } from './vit.ts'

/** A CLIP vision tower; its objective is the mean square of the last hidden state. */
export function clipVisionCase(fixture: Fixture): Case<ClipVisionParams, Tensor> {
  const config = clipVisionConfig(jsonField(fixture, 'config'))
  return {
    variables: loadParams(clipVisionSpec(config), fixture.tensors, { prefix: 'param.' }),
    constants: input(fixture, 'pixel_values'),
    inputs: ['pixel_values'],
    outputs: (params, pixels) => ({ last_hidden_state: clipVision(params, config, pixels) }),
    objective: (params, pixels) => mean(square(clipVision(params, config, pixels))),
  }
}

/** The baseline projection; its objective is the mean cube of the output. */
export function projectionCase(fixture: Fixture): Case<ProjectionParams, Tensor> {
  const config = jsonField(fixture, 'config')
  const [D, E] = [widthIn(config, 'hidden_size'), widthIn(config, 'lang_dim')]
  return {
    variables: loadParams(projectionSpec('baseline', D, E), fixture.tensors, { prefix: 'param.' }),
    constants: input(fixture, 'features'),
    inputs: ['features'],
    outputs: (params, features) => ({ output: project(params, features) }),
    objective(params, features) {
      const y = project(params, features)
      return mean(mul(square(y), y))
    },
  }
}

function widthIn(config: unknown, field: string): number {
  const value =
    typeof config === 'object' && config !== null ? Object.entries(config).find(([k]) => k === field)?.[1] : 0
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  throw new FileError(`verify: the fixture's config has no width ${field}`)
}
