import type { Scalar, Tensor } from '@tensorflow/tfjs-core'
import type { Outputs, Prepared } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { causalBias, ropeAngles } from '../llama-weights.ts'
import { EPSILON, type LlamaProblem, ROPE_THETA } from '../problem.ts'
import { checkedLosses } from './checked-losses.ts'
import { finish, floatsOf, prepareCall, tfTensor } from './tf-calls.ts'
import { tf } from './tf-module.ts'
import { adamwUpdate, zeroState } from './tfjs-adamw.ts'

interface Batch {
  readonly ids: Tensor
  readonly labels: Tensor
  readonly cos: Tensor
  readonly sin: Tensor
  /** [tokens,tokens], what is added to the scores. */
  readonly mask: Tensor
}

/** A LLaMA decoder in the operations of TensorFlow.js. */
export function prepareTfLlama(problem: LlamaProblem, inputs: Inputs): Prepared {
  const { ids, labels, ...arrays } = inputs
  const { tokens, dim, heads } = problem
  const names = Object.keys(arrays)
  const weights = Object.values(arrays).map(tfTensor)
  const angles = ropeAngles(problem, problem.tokens, ROPE_THETA)
  const shape = [tokens, dim / heads / 2]
  const batch: Batch = {
    ids: tfTensor({ shape: [tokens], data: ids!.data }),
    labels: tfTensor({ shape: [tokens], data: labels!.data }),
    cos: tfTensor({ shape, data: angles.cos }),
    sin: tfTensor({ shape, data: angles.sin }),
    mask: tfTensor({ shape: [tokens, tokens], data: causalBias(tokens) }),
  }
  const byName = (list: readonly Tensor[]): Weights => Object.fromEntries(names.map((name, i) => [name, list[i]!]))
  const forward = (): Tensor => tf.tidy(() => logits(problem, byName(weights), batch))
  const differentiate = tf.valueAndGrads((...list: Tensor[]) => loss(problem, byName(list), batch))
  const given: Tensor[] = [...weights, ...Object.values(batch)]

  switch (problem.mode) {
    case 'forward':
      return prepareCall(
        () => [forward()],
        async ([result]) => ({ logits: await floatsOf(result!) }),
        given,
      )
    case 'gradient':
      return prepareCall(
        () => {
          const { value, grads } = differentiate(weights)
          return [value, ...grads]
        },
        async ([value, ...grads]) => ({ loss: await floatsOf(value!), ...(await named(names, grads)) }),
        given,
      )
    case 'adamw':
      return training(weights, differentiate, given)
  }
}

type Weights = Readonly<Record<string, Tensor>>

async function named(names: readonly string[], tensors: readonly Tensor[]): Promise<Outputs> {
  return Object.fromEntries(await Promise.all(tensors.map(async (t, i) => [names[i]!, await floatsOf(t)] as const)))
}

type Differentiate = (weights: Tensor[]) => { value: Tensor; grads: Tensor[] }

function training(weights: readonly Tensor[], differentiate: Differentiate, given: Tensor[]): Prepared {
  const begin = () => ({ weights: weights.map((w) => w.clone()), state: zeroState(weights) })
  let now = begin()
  const next = (): Tensor => {
    const before = now
    const { value, ...after } = tf.tidy(() => {
      const { value, grads } = differentiate(before.weights)
      const [weights, state] = adamwUpdate(before.weights, grads, before.state)
      return { value, weights, state }
    })
    tf.dispose(before)
    now = after
    return value
  }
  return {
    async run() {
      const value = next()
      await finish()
      value.dispose()
    },
    async outputs() {
      tf.dispose(now)
      now = begin()
      return checkedLosses(async () => (await floatsOf(next()))[0]!)
    },
    dispose() {
      tf.dispose(given)
      tf.dispose(now)
    },
  }
}

/** Mean of -log softmax of the logits at the next label. */
function loss(problem: LlamaProblem, w: Weights, batch: Batch): Scalar {
  const { tokens, vocab } = problem
  const before = tf.slice(logits(problem, w, batch), [0, 0], [tokens - 1, vocab])
  const next = tf.oneHot(tf.slice(batch.labels, [1], [tokens - 1]), vocab)
  return tf.mul(tf.sum(tf.mul(tf.logSoftmax(before, -1), next)), -1 / (tokens - 1))
}

/** Logits [tokens,vocab]. */
function logits({ layers, dim, heads, tokens }: LlamaProblem, w: Weights, { ids, cos, sin, mask }: Batch): Tensor {
  const width = dim / heads
  const split = (x: Tensor): Tensor => tf.transpose(tf.reshape(x, [tokens, heads, width]), [1, 0, 2])
  const rotate = (x: Tensor): Tensor => {
    const [a, b] = tf.split(x, 2, -1) as [Tensor, Tensor]
    const first = tf.sub(tf.mul(a, cos), tf.mul(b, sin))
    const second = tf.add(tf.mul(b, cos), tf.mul(a, sin))
    return tf.concat([first, second], -1)
  }
  let x = tf.gather(w['model.embed_tokens.weight']!, ids, 0)
  for (let i = 0; i < layers; i++) {
    const weight = (name: string): Tensor => w[`model.layers.${i}.${name}.weight`]!
    const h = rmsNorm(x, weight('input_layernorm'))
    const q = tf.mul(rotate(split(linear(h, weight('self_attn.q_proj')))), 1 / Math.sqrt(width))
    const k = rotate(split(linear(h, weight('self_attn.k_proj'))))
    const v = split(linear(h, weight('self_attn.v_proj')))
    const scores = tf.add(tf.matMul(q, k, false, true), mask)
    const attended = tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores, -1), v), [1, 0, 2]), [tokens, dim])
    x = tf.add(x, linear(attended, weight('self_attn.o_proj')))
    const z = rmsNorm(x, weight('post_attention_layernorm'))
    const gate = linear(z, weight('mlp.gate_proj'))
    const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(z, weight('mlp.up_proj')))
    x = tf.add(x, linear(gated, weight('mlp.down_proj')))
  }
  return linear(rmsNorm(x, w['model.norm.weight']!), w['lm_head.weight']!)
}

const linear = (x: Tensor, weight: Tensor): Tensor => tf.matMul(x, weight, false, true)

function rmsNorm(x: Tensor, weight: Tensor): Tensor {
  const power = tf.mean(tf.square(x), -1, true)
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(power, EPSILON))), weight)
}
