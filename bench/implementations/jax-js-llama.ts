import { blockUntilReady, type Array as JaxArray, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import type { Prepared } from '../implementation.ts'
import type { InputArray, Inputs } from '../inputs.ts'
import { ropeAngles } from '../llama-weights.ts'
import { type DecodeProblem, EPSILON, type LlamaProblem, type LlamaSize, ROPE_THETA } from '../problem.ts'
import { checkedLosses } from './checked-losses.ts'
import { floatsOf, jaxArray, prepareCall } from './jax-calls.ts'
import { adamwUpdate, type Tensors, type TrainingState, zeroState } from './jax-js-adamw.ts'

/** What a decoder is given beside its weights. */
interface Batch {
  readonly [name: string]: JaxArray
  readonly ids: JaxArray
  readonly labels: JaxArray
  readonly cos: JaxArray
  readonly sin: JaxArray
}

/** A LLaMA decoder in the operations of jax-js. */
export function prepareJaxLlama(problem: LlamaProblem, inputs: Inputs): Prepared {
  const { ids, labels, ...arrays } = inputs
  const weights: Tensors = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, jaxArray(array)]))
  const angles = ropeAngles(problem, problem.tokens, ROPE_THETA)
  const shape = [problem.tokens, problem.dim / problem.heads / 2]
  const batch: Batch = {
    ids: jaxArray({ shape: [problem.tokens], data: ids!.data }),
    labels: jaxArray({ shape: [problem.tokens], data: labels!.data }),
    cos: jaxArray({ shape, data: angles.cos }),
    sin: jaxArray({ shape, data: angles.sin }),
  }
  switch (problem.mode) {
    case 'forward':
      return prepareForward(problem, weights, batch)
    case 'gradient':
      return prepareGradient(problem, weights, batch)
    case 'adamw':
      return prepareTraining(problem, weights, batch)
  }
}

function prepareForward(problem: LlamaProblem, weights: Tensors, { labels, ...batch }: Batch): Prepared {
  labels.dispose()
  const compiled = jit((w: Tensors, b: Tensors) => logits(problem, w, b as Omit<Batch, 'labels'>))
  return prepareCall(compiled, [weights, batch], async (result) => ({ logits: await floatsOf(result) }))
}

function prepareGradient(problem: LlamaProblem, weights: Tensors, batch: Batch): Prepared {
  const compiled = jit((w: Tensors, b: Batch) => valueAndGrad(lossOf(problem))(w, b))
  return prepareCall(compiled, [weights, batch], async ([loss, gradients]) => {
    const named = Object.entries(gradients).map(async ([name, g]) => [name, await floatsOf(g)] as const)
    return { loss: await floatsOf(loss), ...Object.fromEntries(await Promise.all(named)) }
  })
}

function prepareTraining(problem: LlamaProblem, weights: Tensors, batch: Batch): Prepared {
  const compiled = jit((w: Tensors, state: TrainingState, b: Batch) => {
    const [loss, gradients] = valueAndGrad(lossOf(problem))(tree.ref(w), b)
    return [loss, ...adamwUpdate(w, gradients, state)] as [JaxArray, Tensors, TrainingState]
  })
  let now: readonly [Tensors, TrainingState] = [tree.ref(weights), zeroState(weights)]
  const next = async (): Promise<JaxArray> => {
    const [loss, w, state] = await blockUntilReady(compiled(now[0], now[1], tree.ref(batch)))
    now = [w, state]
    return loss
  }
  return {
    async run() {
      ;(await next()).dispose()
    },
    async outputs() {
      tree.dispose([...now])
      now = [tree.ref(weights), zeroState(weights)]
      return checkedLosses(async () => (await floatsOf(await next()))[0]!)
    },
    dispose() {
      compiled.dispose()
      tree.dispose([...now, weights, batch])
    },
  }
}

/** Mean of -log softmax of the logits at the next label. */
const lossOf =
  (problem: LlamaProblem) =>
  (w: Tensors, { labels, ...batch }: Batch): JaxArray => {
    const { tokens, vocab } = problem
    const [before, last] = np.split(logits(problem, w, batch), [tokens - 1], 0) as [JaxArray, JaxArray]
    const [first, next] = np.split(labels, [1], 0) as [JaxArray, JaxArray]
    last.dispose()
    first.dispose()
    const picked = nn.logSoftmax(before, -1).mul(nn.oneHot(next, vocab))
    return np.sum(picked).mul(-1 / (tokens - 1))
  }

/** Logits [tokens,vocab]. */
function logits(problem: LlamaProblem, w: Tensors, { ids, cos, sin }: Omit<Batch, 'labels'>): JaxArray {
  const { tokens } = problem
  const result = layersOf(problem, w, np.take(w['model.embed_tokens.weight']!, ids, 0), { cos, sin }, (_, k, v) => ({
    k,
    v,
    mask: np.tri(tokens, tokens, 0, { dtype: np.bool }),
  }))
  cos.dispose()
  sin.dispose()
  return linear(rmsNorm(result, w['model.norm.weight']!), w['lm_head.weight']!)
}

interface Attended {
  readonly k: JaxArray
  readonly v: JaxArray
  /** Which scores count; all without it. */
  readonly mask?: JaxArray
}

/** The layers applied to x [T,dim]; `attend` says to what keys and values [heads,...,width], given the layer's new ones. */
function layersOf(
  { layers, dim, heads }: LlamaSize,
  w: Tensors,
  embedded: JaxArray,
  { cos, sin }: { readonly cos: JaxArray; readonly sin: JaxArray },
  attend: (layer: number, k: JaxArray, v: JaxArray) => Attended,
): JaxArray {
  const width = dim / heads
  const T = embedded.shape[0]!
  const split = (x: JaxArray): JaxArray => x.reshape([T, heads, width]).transpose([1, 0, 2])
  const rotate = (x: JaxArray): JaxArray => {
    const [a, b] = np.split(x, 2, -1) as [JaxArray, JaxArray]
    const first = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref))
    const second = b.mul(cos.ref).add(a.mul(sin.ref))
    return np.concatenate([first, second], -1)
  }
  let x = embedded
  for (let i = 0; i < layers; i++) {
    const weight = (name: string): JaxArray => w[`model.layers.${i}.${name}.weight`]!
    const h = rmsNorm(x.ref, weight('input_layernorm'))
    const q = rotate(split(linear(h.ref, weight('self_attn.q_proj')))).mul(1 / Math.sqrt(width))
    const newK = rotate(split(linear(h.ref, weight('self_attn.k_proj'))))
    const { k, v, mask } = attend(i, newK, split(linear(h, weight('self_attn.v_proj'))))
    const scores = np.matmul(q, k.transpose([0, 2, 1]))
    const allowed = mask ? np.where(mask, scores, -1e30) : scores
    const attended = np.matmul(nn.softmax(allowed, -1), v).transpose([1, 0, 2]).reshape([T, dim])
    x = x.add(linear(attended, weight('self_attn.o_proj')))
    const z = rmsNorm(x.ref, weight('post_attention_layernorm'))
    const gate = nn.silu(linear(z.ref, weight('mlp.gate_proj')))
    x = x.add(linear(gate.mul(linear(z, weight('mlp.up_proj'))), weight('mlp.down_proj')))
  }
  return x
}

/** One more token. The cache, which cannot be written in place, is joined with the token's keys and values. */
export function prepareJaxDecode(problem: DecodeProblem, inputs: Inputs): Prepared {
  const { dim, heads, cached, vocab } = problem
  const width = dim / heads
  const { id, ...arrays } = inputs
  const weights: Tensors = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [name, jaxArray(withoutBatch(name, array))]),
  )
  const angles = ropeAngles(problem, 1, ROPE_THETA, cached - 1)
  const batch: Tensors = {
    ids: jaxArray({ shape: [1], data: id!.data }),
    cos: jaxArray({ shape: [1, width / 2], data: angles.cos }),
    sin: jaxArray({ shape: [1, width / 2], data: angles.sin }),
  }
  const compiled = jit((w: Tensors, b: Tensors) => {
    const joined: JaxArray[] = []
    const angles = { cos: b['cos']!, sin: b['sin']! }
    const embedded = np.take(w['model.embed_tokens.weight']!, b['ids']!, 0)
    const x = layersOf(problem, w, embedded, angles, (layer, newK, newV) => {
      const k = np.concatenate([w[`cache.${layer}.k`]!, newK], 1)
      const v = np.concatenate([w[`cache.${layer}.v`]!, newV], 1)
      joined.push(k.ref, v.ref)
      return { k, v }
    })
    return [linear(rmsNorm(x, w['model.norm.weight']!), w['lm_head.weight']!).reshape([1, vocab]), ...joined]
  })
  return prepareCall(compiled, [weights, batch], async ([logits, ...joined]) => {
    tree.dispose(joined)
    return { logits: await floatsOf(logits!) }
  })
}

/** A cache [1,heads,T,width] as [heads,T,width]; a weight as it is. */
const withoutBatch = (name: string, { shape, data }: InputArray): InputArray =>
  name.startsWith('cache.') ? { shape: shape.slice(1), data } : { shape, data }

const linear = (x: JaxArray, weight: JaxArray): JaxArray => np.matmul(x, weight.transpose())

function rmsNorm(x: JaxArray, weight: JaxArray): JaxArray {
  const power = np.mean(np.square(x.ref), -1, { keepdims: true })
  return x.mul(np.reciprocal(np.sqrt(power.add(EPSILON)))).mul(weight)
}
