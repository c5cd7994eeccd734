import type { InputArray, Inputs } from '../inputs.ts'
import { causalBias, ropeAngles } from '../llama-weights.ts'
import { type DecodeProblem, EPSILON, type LlamaProblem, type LlamaSize, ROPE_THETA } from '../problem.ts'
import type { OnnxProblem } from './onnx-graphs.ts'
import { OnnxGraph } from './onnx-model.ts'

/** The logits of a LLaMA decoder in ONNX operations, its weights stored as [in,out] so that no product transposes. */
export function llamaGraph(problem: LlamaProblem, { ids, labels: _, ...weights }: Inputs): OnnxProblem {
  const graph = new OnnxGraph()
  const mask = graph.constant('f32', [problem.tokens, problem.tokens], causalBias(problem.tokens))
  const output = logits(graph, problem, weights, { tokens: problem.tokens, first: 0 }, (_, k, v) => ({ k, v, mask }))
  graph.output(output, [1, problem.tokens, problem.vocab])
  return { model: graph.bytes(), feeds: { ids: ids! }, output }
}

/** One more token after a cache that is fed, as its own generation library does it; the new cache is not read back. */
export function decodeGraph(problem: DecodeProblem, { id, ...arrays }: Inputs): OnnxProblem {
  const graph = new OnnxGraph()
  const isCache = (name: string): boolean => name.startsWith('cache.')
  const cache = Object.fromEntries(Object.entries(arrays).filter(([name]) => isCache(name)))
  for (const [name, { shape }] of Object.entries(cache)) graph.input(name, 'f32', shape)
  const joined = (layer: number, part: string, x: string): string =>
    graph.node('Concat', [`cache.${layer}.${part}`, x], { axis: 2 })
  const output = logits(graph, problem, arrays, { tokens: 1, first: problem.cached - 1 }, (layer, k, v) => ({
    k: joined(layer, 'k', k),
    v: joined(layer, 'v', v),
  }))
  graph.output(output, [1, 1, problem.vocab])
  return { model: graph.bytes(), feeds: { ids: id!, ...cache }, output }
}

interface Attended {
  readonly k: string
  readonly v: string
  /** Added to the scores. */
  readonly mask?: string
}

/** Logits of `tokens` tokens from position `first` on; `attend` says to what, given a layer's new keys and values. */
function logits(
  graph: OnnxGraph,
  size: LlamaSize,
  weights: Inputs,
  { tokens, first }: { readonly tokens: number; readonly first: number },
  attend: (layer: number, k: string, v: string) => Attended,
): string {
  const { layers, dim, heads } = size
  const width = dim / heads
  const node = (opType: string, inputs: readonly string[], attributes = {}): string =>
    graph.node(opType, inputs, attributes)

  const angles = ropeAngles(size, tokens, ROPE_THETA, first)
  const cos = graph.constant('f32', [tokens, width / 2], angles.cos)
  const sin = graph.constant('f32', [tokens, width / 2], angles.sin)
  const scale = graph.scalar(1 / Math.sqrt(width))
  const epsilon = graph.scalar(EPSILON)
  const two = graph.scalar(2)
  const lastAxis = graph.integers(-1)
  const splitShape = graph.integers(1, tokens, heads, width)
  const mergedShape = graph.integers(1, tokens, dim)

  const vector = (name: string): string => graph.constant('f32', weights[name]!.shape, weights[name]!.data)
  const linear = (x: string, name: string): string => node('MatMul', [x, transposed(graph, weights[name]!)])
  const split = (x: string): string => node('Transpose', [node('Reshape', [x, splitShape])], { perm: [0, 2, 1, 3] })
  // Written as exporters write it, a form that ONNX Runtime knows and makes one kernel of.
  const norm = (x: string, name: string): string => {
    const power = node('ReduceMean', [node('Pow', [x, two]), lastAxis], { keepdims: 1 })
    const root = node('Sqrt', [node('Add', [power, epsilon])])
    return node('Mul', [node('Div', [x, root]), vector(name)])
  }
  const rotate = (x: string): string => {
    const [a, b] = graph.pair('Split', [x], { axis: -1, num_outputs: 2 })
    const turned = node('Sub', [node('Mul', [a, cos]), node('Mul', [b, sin])])
    const second = node('Add', [node('Mul', [b, cos]), node('Mul', [a, sin])])
    return node('Concat', [turned, second], { axis: -1 })
  }

  const input = graph.input('ids', 'i32', [1, tokens])
  let x = node('Gather', [vector('model.embed_tokens.weight'), input], { axis: 0 })
  for (let i = 0; i < layers; i++) {
    const named = (name: string): string => `model.layers.${i}.${name}.weight`
    const h = norm(x, named('input_layernorm'))
    const q = node('Mul', [rotate(split(linear(h, named('self_attn.q_proj')))), scale])
    const newK = rotate(split(linear(h, named('self_attn.k_proj'))))
    const { k, v, mask } = attend(i, newK, split(linear(h, named('self_attn.v_proj'))))
    const products = node('MatMul', [q, node('Transpose', [k], { perm: [0, 1, 3, 2] })])
    const scores = mask === undefined ? products : node('Add', [products, mask])
    const attended = node('MatMul', [node('Softmax', [scores], { axis: -1 }), v])
    const merged = node('Reshape', [node('Transpose', [attended], { perm: [0, 2, 1, 3] }), mergedShape])
    x = node('Add', [x, linear(merged, named('self_attn.o_proj'))])
    const z = norm(x, named('post_attention_layernorm'))
    const gate = linear(z, named('mlp.gate_proj'))
    const silu = node('Mul', [gate, node('Sigmoid', [gate])])
    x = node('Add', [x, linear(node('Mul', [silu, linear(z, named('mlp.up_proj'))]), named('mlp.down_proj'))])
  }
  return linear(norm(x, 'model.norm.weight'), 'lm_head.weight')
}

/** A weight [out,in] as a constant [in,out]. */
function transposed(graph: OnnxGraph, { shape, data }: InputArray): string {
  const [rows, columns] = shape as readonly [number, number]
  const out = Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!)
  return graph.constant('f32', [columns, rows], out)
}
