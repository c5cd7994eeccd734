import { Random } from '../../data/random.ts'
import { sizeOf } from '../../ir/shape.ts'
import { fromHost, type Tensor } from '../../ir/tensor.ts'
import { buildParams } from '../../models/params.ts'
import { type VisualChatConfig, visualChatSpec } from '../../models/visualchat.ts'
import type { ParamSpec, ParamsOf } from '../../nn/param.ts'
import { orthogonal } from './orthogonal.ts'

type Whole = ParamsOf<ReturnType<typeof visualChatSpec>>

/**
 * What the demo trains: everything, as nothing here was trained before. One table serves as the token embedding and,
 * transposed, as the output layer, so that a word learnt as an answer is known in a question too.
 */
export interface DemoParams extends Pick<Whole, 'vis_encoder' | 'projection'> {
  readonly embed_tokens: Whole['lang_embed']
  readonly decoder: Omit<Whole['lang_decoder']['model'], 'embed_tokens'>
}

/** The whole model. */
export const wholeModel = ({ embed_tokens, decoder, ...rest }: DemoParams): Whole => ({
  ...rest,
  lang_embed: embed_tokens,
  lang_decoder: { model: { embed_tokens, ...decoder } },
})

/**
 * Parameters to start from; equal seeds give equal ones. Weights [out, in] are normal with variance 1/in, which keeps
 * the size of what passes through small layers (the 0.02 of large models does not). Attention of the decoder starts by
 * copying: value and output matrices are orthogonal and each other's transpose, so that a head adds what it attends to
 * as it is. A pretrained decoder would have learnt that; here it saves most of the training.
 */
export function initialParams(config: VisualChatConfig, seed: number): DemoParams {
  const root = new Random(seed).fork('parameters')
  const { lang_decoder, vis_encoder, projection } = buildParams(visualChatSpec(config), (name, leaf) => {
    if (/lang_decoder\..*\.(v|o)_proj/.test(name)) return copying(name, leaf, root)
    return initial(name, leaf, root.fork(name))
  })
  const { embed_tokens, ...decoder } = lang_decoder.model
  return { vis_encoder, projection, embed_tokens, decoder }
}

function initial(name: string, { shape, init }: ParamSpec, random: Random): Tensor {
  if (init.kind === 'fixed') return fromHost({ dtype: 'f32', shape, data: init.values() })
  const data = new Float32Array(sizeOf(shape))
  if (init.kind === 'constant') return fromHost({ dtype: 'f32', shape, data: data.fill(init.value) })
  const scale = standardDeviation(name, shape)
  for (let i = 0; i < data.length; i++) data[i] = scale * random.normal()
  return fromHost({ dtype: 'f32', shape, data })
}

/** What is added to the stream of a layer starts at half the size, so that depth does not make it grow. */
function standardDeviation(name: string, shape: readonly number[]): number {
  if (/class_embedding|position_embedding/.test(name)) return 0.5
  const fanIn = sizeOf(shape.slice(1))
  return (/out_proj|fc2|down_proj/.test(name) ? 0.5 : 1) / Math.sqrt(fanIn)
}

/** A layer's value matrix [K*E, D], or its output matrix [D, H*E]: with as many heads of values, one is the other's transpose. */
function copying(name: string, { shape }: ParamSpec, root: Random): Tensor {
  const [rows, columns] = shape as readonly [number, number]
  const isOutput = /o_proj/.test(name)
  const matrix = orthogonal(
    isOutput ? columns : rows,
    isOutput ? rows : columns,
    root.fork(name.replace('o_proj', 'v_proj')),
  )
  const data = new Float32Array(rows * columns)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) data[r * columns + c] = isOutput ? matrix[c]![r]! : matrix[r]![c]!
  }
  return fromHost({ dtype: 'f32', shape, data })
}
