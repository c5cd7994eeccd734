import type { HostArray } from '../ir/dtype.ts'
import { sizeOf } from '../ir/shape.ts'
import { fromHost, type Tensor } from '../ir/tensor.ts'
import { FileError } from '../util/errors.ts'
import { llamaConfig } from './config.ts'
import { attentionKind } from './decoder-attention.ts'
import { layOut, type Sample } from './layout.ts'
import { isTiedHead } from './llama.ts'
import { nextTokenLoss } from './loss.ts'
import { loadParams } from './params.ts'
import { projectionKind } from './projection.ts'
import type { Case, Fixture } from './verify.ts'
import { hostInput, jsonField, requireShape } from './verify-fixture.ts'
import { visionConfig } from './vision.ts'
import {
  embedBatch,
  type FrozenParams,
  featuresPerImage,
  splitTrainable,
  type TrainableParams,
  type VisualChatBatch,
  type VisualChatConfig,
  visualChatLogits,
  visualChatLoss,
  visualChatSpec,
} from './visualchat.ts'

interface Constants {
  readonly frozen: FrozenParams
  readonly batch: VisualChatBatch & { readonly labels: Tensor }
}

/**
 * The whole model, its gradients those of what the release trains. The fixture's splice puts the images of a sample in
 * reverse order; they are handed to ours in reverse, so that the rest can be compared.
 */
export function visualChatCase(fixture: Fixture): Case<TrainableParams, Constants> {
  const config = configOf(fixture)
  const samples = samplesOf(fixture)
  const { tokenIds, imageSlot, modality, labels } = layOut(samples, {
    imageToken: config.imageToken,
    padToken: config.padToken,
    featuresPerImage: featuresPerImage(config),
  })
  const counts = samples.map((s) => s.imageCount ?? 0)
  const { trainable, frozen } = splitTrainable(
    loadParams(visualChatSpec(config), fixture.tensors, { prefix: 'param.', ignore: isTiedHead(config.language) }),
  )
  return {
    variables: trainable,
    constants: {
      frozen,
      batch: {
        images: fromHost(reverseWithin(hostInput(fixture, 'images'), counts)),
        tokenIds: fromHost(tokenIds),
        imageSlot: fromHost(imageSlot),
        modality: fromHost(modality),
        labels: fromHost(labels),
      },
    },
    inputs: ['images', 'input_ids', 'attention_mask', 'labels', 'image_num'],
    outputs(trained, c) {
      const params = { ...trained, ...c.frozen }
      const logits = visualChatLogits(params, config, c.batch)
      return {
        spliced_embeds: embedBatch(params, config, c.batch),
        spliced_modality: c.batch.modality,
        spliced_labels: c.batch.labels,
        logits,
        loss: nextTokenLoss(logits, c.batch.labels),
      }
    },
    objective: (trained, c) => visualChatLoss({ ...trained, ...c.frozen }, config, c.batch),
    padding: { keep: modality, axisOf: { spliced_embeds: 1, logits: 1 } },
  }
}

function configOf(fixture: Fixture): VisualChatConfig {
  const id = (name: string): number => {
    const value = Number(fixture.metadata[name] ?? Number.NaN)
    if (Number.isInteger(value)) return value
    throw new FileError(`verify: the fixture's metadata has no integer ${name}`)
  }
  return {
    vision: visionConfig(jsonField(fixture, 'vision')),
    language: llamaConfig(jsonField(fixture, 'language')),
    projection: projectionKind(fixture.metadata['vis_proj'] ?? 'none'),
    attention: attentionKind(fixture.metadata['attention'] ?? 'none'),
    imageToken: id('image_token_id'),
    padToken: id('pad_token_id'),
  }
}

/** The rows of input_ids and labels without their padding. */
function samplesOf(fixture: Fixture): Sample[] {
  const [ids, mask, labels, counts] = ['input_ids', 'attention_mask', 'labels', 'image_num'].map((n) =>
    hostInput(fixture, n),
  )
  const [B, T] = ids!.shape as readonly [number, number]
  for (const name of ['attention_mask', 'labels']) requireShape(fixture, name, [B, T])
  requireShape(fixture, 'image_num', [B])
  const row = (array: HostArray, b: number): number[] =>
    Array.from(array.data.subarray(b * T, (b + 1) * T)).filter((_, t) => mask!.data[b * T + t] !== 0)
  return Array.from({ length: B }, (_, b) => ({
    inputIds: row(ids!, b),
    labels: row(labels!, b),
    imageCount: counts!.data[b]!,
  }))
}

/** The rows of an array, in consecutive runs of the given lengths, each run reversed. */
function reverseWithin(array: HostArray, runs: readonly number[]): HostArray {
  const size = sizeOf(array.shape.slice(1))
  const data = array.data.slice()
  let start = 0
  for (const n of runs) {
    for (let i = 0; i < n; i++) {
      const from = start + n - 1 - i
      data.set(array.data.subarray(from * size, (from + 1) * size), (start + i) * size)
    }
    start += n
  }
  return { ...array, data }
}
