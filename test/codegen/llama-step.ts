import { type Built, buildProgram } from '../../src/codegen/build-program.ts'
import type { DeviceLimits } from '../../src/codegen/program.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { spec } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import { isParamSpec } from '../../src/nn/param.ts'
import { runPasses } from '../../src/passes/pipeline.ts'
import { adamw, trainStep } from '../../src/train/index.ts'
import { flatten } from '../../src/util/tree.ts'

const config = llamaConfig({
  vocab_size: 1000,
  hidden_size: 256,
  intermediate_size: 688,
  num_hidden_layers: 2,
  num_attention_heads: 8,
})

const loss = (p: LlamaParams, ids: Tensor, labels: Tensor): Tensor =>
  nextTokenLoss(llamaLogits(p, llamaHidden(p, config, llamaEmbed(p, ids), { attention: 'causal' })), labels)

/** A step of AdamW on the benchmark's LLaMA, parameters and state given up. */
export function buildLlamaStep(limits: DeviceLimits, options: { readonly maxNorm?: number } = {}): Built {
  const whole = trainStep(loss, adamw({ learningRate: 1e-3 }), options)
  const step = (...args: Parameters<typeof whole>): unknown => {
    const { params, state, loss } = whole(...args)
    return { params, state, loss }
  }
  const flat = flatten(llamaSpec(config), isParamSpec)
  const params = flat.rebuild(flat.leaves.map(({ shape }) => spec([...shape])))
  const batch = [spec([1, 128], 'i32'), spec([1, 128], 'i32')]
  const graph = runPasses(
    traceGraph(step, [params, { step: spec([], 'i32'), mean: params, variance: params }, ...batch]),
  )
  return buildProgram(graph, {
    limits,
    inputNames: graph.inputs.map((_, i) => `x${i}`),
    outputNames: graph.outputs.map((_, i) => `y${i}`),
    donated: graph.inputs.map((_, i) => i < graph.inputs.length - batch.length),
  })
}
