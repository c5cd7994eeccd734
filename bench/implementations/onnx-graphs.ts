import { Unsupported } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { EPSILON, type Operation, operation, type Problem, type QuantisedProblem } from '../problem.ts'
import { decodeGraph, llamaGraph } from './onnx-llama.ts'
import { OnnxGraph } from './onnx-model.ts'

/** A problem as an ONNX model, with what it is fed at each run; weights are constants of the graph. */
export interface OnnxProblem {
  readonly model: Uint8Array
  readonly feeds: Inputs
  readonly output: string
}

/** @throws Unsupported for gradients: the library runs graphs forward only. */
export function onnxProblem(problem: Problem, inputs: Inputs): OnnxProblem {
  const noGradients = problem.kind === 'crossEntropy' || (problem.kind === 'llama' && problem.mode !== 'forward')
  if (noGradients) throw new Unsupported('no gradients: it runs graphs forward only')
  switch (problem.kind) {
    case 'int4':
      return int4Graph(problem, inputs)
    case 'llama':
      return llamaGraph(problem, inputs)
    case 'decode':
      return decodeGraph(problem, inputs)
    default:
      return operationGraph(operation(problem), inputs)
  }
}

/** Its operator takes what is 8 larger, without a sign, in bytes; the weights are constants, which it lays out anew. */
function int4Graph({ rows, width }: QuantisedProblem, { x, words, scales }: Inputs): OnnxProblem {
  const graph = new OnnxGraph()
  const block = 32
  const unsigned = Int32Array.from(words!.data, (word) => word ^ 0x88888888)
  const output = graph.node(
    'MatMulNBits',
    [
      graph.input('x', 'f32', x!.shape),
      graph.constant('u8', [width, width / block, block / 2], unsigned),
      graph.constant('f32', [(width * width) / block], scales!.data),
    ],
    { K: width, N: width, bits: 4, block_size: block },
  )
  graph.output(output, [rows, width])
  return { model: graph.bytes(), feeds: { x: x! }, output }
}

function operationGraph(problem: Operation, feeds: Inputs): OnnxProblem {
  const graph = new OnnxGraph()
  const inputs = Object.entries(feeds).map(([name, { shape }]) => graph.input(name, 'f32', shape))
  const add = (opType: string, names: readonly string[], attributes = {}): string =>
    graph.node(opType, names, attributes)
  const output = build(problem, inputs, add, (x) => graph.scalar(x))
  // The result has the shape of the first input in all of these.
  graph.output(output, Object.values(feeds)[0]!.shape)
  return { model: graph.bytes(), feeds, output }
}

type Node = (opType: string, inputs: readonly string[], attributes?: object) => string

function build(problem: Operation, inputs: readonly string[], node: Node, scalar: (x: number) => string): string {
  const [first, second, third] = inputs as [string, string, string] // as many as the problem has
  switch (problem.kind) {
    case 'matmul':
      return node('MatMul', [first, second])
    case 'softmax':
      return node('Softmax', [first], { axis: -1 })
    case 'layerNorm':
      return node('LayerNormalization', [first, second, third], { axis: -1, epsilon: { float: EPSILON } })
    case 'elementwise':
      return node('Gelu', [node('Add', [node('Mul', [first, second]), third])])
    case 'copy':
      return node('Mul', [first, scalar(2)])
    case 'attention': {
      const scaled = node('Mul', [first, scalar(1 / Math.sqrt(problem.width))])
      const scores = node('MatMul', [scaled, node('Transpose', [second], { perm: [0, 1, 3, 2] })])
      return node('MatMul', [node('Softmax', [scores], { axis: -1 }), third])
    }
  }
}
