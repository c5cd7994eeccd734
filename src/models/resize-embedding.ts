import { allocate, getElement, type HostArray, isFloat, setElement } from '../ir/dtype.ts'
import { foldIn, mul, normal } from '../ir/ops.ts'
import { formatShape } from '../ir/shape.ts'
import { fromHost, isTensor, type Tensor } from '../ir/tensor.ts'
import { ShapeError, UnsupportedError, ValueError } from '../util/errors.ts'
import { flatten } from '../util/tree.ts'
import { flattenNames } from './names.ts'

export interface ResizeOptions {
  /**
   * What new rows hold: the mean of the old ones, so that a token that nobody has learnt is as likely as an average one
   * (the default, and Hugging Face's since 4.46, which adds a noise of 1e-5 of the rows' spread); or draws from
   * N(0, 0.02) by a random key u32[2], Hugging Face's way before.
   */
  readonly newRows?: 'mean' | { readonly key: Tensor }
  /** Whether fewer rows than there are may be asked for; the last ones are dropped. Default: an error. */
  readonly dropRows?: boolean
}

const SPREAD = 0.02

/**
 * A table [V,D] with another number of rows: [W,D]. The rows that it had stay as they are.
 * @throws ShapeError for what is no matrix of floats; ValueError for W < V unless `dropRows`.
 */
export async function resizeRows(
  table: HostArray,
  W: number,
  { newRows = 'mean', dropRows = false }: ResizeOptions = {},
): Promise<HostArray> {
  const { dtype, shape } = table
  const [V = 0, D = 0] = shape
  if (shape.length !== 2 || V === 0 || !isFloat(dtype)) {
    throw new ShapeError(`resizeRows: ${dtype}${formatShape(shape)} is no table [V,D] of floats`)
  }
  if (!(Number.isInteger(W) && W > 0)) throw new ValueError(`resizeRows: ${W} rows`, { hint: 'at least 1' })
  if (W < V && !dropRows) {
    throw new ValueError(`resizeRows: ${W} rows would drop ${V - W} of the table's ${V}`, {
      hint: 'is this the tokenizer of the model? If rows are to be dropped, set dropRows',
    })
  }
  const out: HostArray = { dtype, shape: [W, D], data: allocate(dtype, W * D) }
  out.data.set(table.data.subarray(0, Math.min(V, W) * D))
  if (W <= V) return out
  if (newRows === 'mean') {
    const mean = meanRow(table, V, D)
    for (let i = V * D; i < W * D; i++) setElement(out, i, mean[i % D]!)
  } else {
    const drawn = await mul(normal(newRows.key, [W - V, D]), SPREAD).readHost()
    for (let i = V * D; i < W * D; i++) setElement(out, i, getElement(drawn, i - V * D))
  }
  return out
}

function meanRow(table: HostArray, V: number, D: number): Float64Array {
  const mean = new Float64Array(D)
  for (let i = 0; i < V * D; i++) mean[i % D]! += getElement(table, i) / V
  return mean
}

/** The tables with a row per token, in whichever part of the tree. */
const TABLE = /(^|\.)(embed_tokens|lm_head|lang_embed)\.weight(\..*)?$/

/**
 * A parameter tree whose tables of tokens, `embed_tokens`, `lm_head` and `lang_embed`, have W rows each; all else is
 * the same. Its configuration needs `vocab_size` W. With `newRows: { key }` each table draws by a key of its own.
 * @throws ValueError for a tree without such tables, and as `resizeRows`; UnsupportedError for tables that are
 * quantised, split or adapted.
 */
export async function resizeEmbedding<T>(params: T, W: number, options: ResizeOptions = {}): Promise<T> {
  const named = [...flattenNames(params, isTensor)]
  const tables = named.filter(([name]) => TABLE.test(name))
  const other = tables.find(([name]) => !name.endsWith('.weight'))
  if (other) {
    throw new UnsupportedError(`resizeEmbedding: ${other[0]} is part of a table that is quantised, split or adapted`, {
      hint: 'resize the embedding first',
    })
  }
  if (tables.length === 0) {
    throw new ValueError('resizeEmbedding: the tree has no embed_tokens, lm_head or lang_embed', {
      hint: 'give the parameters of a language model, not their specification',
    })
  }
  const { newRows = 'mean' } = options
  const leaves: Tensor[] = []
  for (const [i, [name, tensor]] of named.entries()) {
    if (!TABLE.test(name)) leaves.push(tensor)
    else {
      const start = newRows === 'mean' ? newRows : { key: foldIn(newRows.key, i) }
      leaves.push(fromHost(await resizeRows(await tensor.readHost(), W, { ...options, newRows: start })))
    }
  }
  // The same structure, with a tensor for every tensor.
  return flatten(params, isTensor).rebuild(leaves) as T
}
