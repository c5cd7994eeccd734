import { mean, mul, square } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { clipVisionConfig, encoderLayerConfig, qwenVisualConfig } from './config.ts'
import { fields } from './config-fields.ts'
import { loadParams } from './params.ts'
import { type ProjectionKind, type ProjectionParams, project, projectionSpec } from './projection.ts'
import { type QwenVisualParams, qwenVisual, qwenVisualSpec } from './qwen-vl.ts'
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

/** Qwen-VL's visual encoder; its objective is the mean square of the output. */
export function qwenVisualCase(fixture: Fixture): Case<QwenVisualParams, Tensor> {
  const config = qwenVisualConfig(jsonField(fixture, 'config'))
  return {
    variables: loadParams(qwenVisualSpec(config), fixture.tensors, { prefix: 'param.' }),
    constants: input(fixture, 'pixel_values'),
    inputs: ['pixel_values'],
    outputs: (params, pixels) => ({ output: qwenVisual(params, config, pixels) }),
    objective: (params, pixels) => mean(square(qwenVisual(params, config, pixels))),
  }
}

/** A projection of features with a class token; its objective is the mean cube of the output. */
export function projectionCase(kind: ProjectionKind, fixture: Fixture): Case<ProjectionParams, Tensor> {
  const json = jsonField(fixture, 'config')
  const source = { ...encoderLayerConfig(json), hasClassToken: true }
  const E = fields('projection config', json).size('lang_dim')
  return {
    variables: loadParams(projectionSpec(kind, source, E), fixture.tensors, { prefix: 'param.' }),
    constants: input(fixture, 'features'),
    inputs: ['features'],
    outputs: (params, features) => ({ output: project(params, source, features) }),
    objective(params, features) {
      const y = project(params, source, features)
      return mean(mul(square(y), y))
    },
  }
}
