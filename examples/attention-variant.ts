/**
 * A new kind of attention in five lines, held against causal attention and two others on a task where recency
 * matters: every variant starts from the same parameters, sees the same batches and is scored on the same unseen ones.
 *
 * The task: a sequence binds keys to values again and again (`b=3 a=1 b=7 ...`), and now and then asks for a key
 * (`b?`). The answer is the value bound last. No position is encoded anywhere, so the order is for attention to find.
 *
 *   npx tsx examples/attention-variant.ts [steps] [seeds]
 */
import { pathToFileURL } from 'node:url'
import {
  adam,
  add,
  attention,
  cast,
  closeDevices,
  compile,
  type DeviceChoice,
  div,
  embedding,
  foldIn,
  initParams,
  key,
  le,
  linear,
  linearSpec,
  log,
  logSoftmax,
  mergeHeads,
  mul,
  neg,
  normalInit,
  oneHot,
  type ParamsOf,
  param,
  splitHeads,
  sub,
  sum,
  type Tensor,
  tensor,
  trainStep,
  uniform,
  type Variant,
  variant,
  variants,
} from '../src/index.ts'

/** Scores fall with the logarithm of the distance: among keys that match equally well, the latest weighs most. */
const recent = variant({
  mask: ({ query, key: at }) => le(at, query),
  score: (score, { query, key: at }) => sub(score, mul(log(add(cast(sub(query, at), 'f32'), 1)), 4)),
})

const HEADS = 4
const WIDTH = 32
const KEYS = 4
const VALUES = 8
const BATCH = 32
const LENGTH = 24

const CONTENDERS: Readonly<Record<string, Variant>> = {
  causal: variants.causal,
  'sliding window of 6': variants.slidingWindow(6),
  ALiBi: variants.alibi(HEADS),
  recent,
}

/** One layer of attention. Tokens: KEYS * VALUES bindings, then KEYS questions. */
const spec = {
  embed: { weight: param([KEYS * VALUES + KEYS, WIDTH], normalInit(1)) },
  q: linearSpec(WIDTH, WIDTH),
  k: linearSpec(WIDTH, WIDTH),
  v: linearSpec(WIDTH, WIDTH),
  out: linearSpec(WIDTH, VALUES),
}
type Params = ParamsOf<typeof spec>

/** Cross-entropy of the answers [B,T] (-1 where nothing was asked), the mean over all questions. */
const lossWith =
  (kind: Variant) =>
  (p: Params, ids: Tensor, answers: Tensor): Tensor => {
    const x = embedding(ids, p.embed)
    const heads = (w: { readonly weight: Tensor }): Tensor => splitHeads(linear(x, w), HEADS)
    const seen = mergeHeads(attention(heads(p.q), heads(p.k), heads(p.v), kind))
    const wanted = oneHot(answers, VALUES) // a row of zeros for -1
    return div(neg(sum(mul(logSoftmax(linear(seen, p.out)), wanted))), sum(wanted))
  }

interface Batch {
  readonly ids: Tensor
  readonly answers: Tensor
}

/** Random sequences; equal seeds give equal batches. */
async function batchOf(seed: Tensor): Promise<Batch> {
  const random = await uniform(seed, [BATCH * LENGTH, 3]).read()
  const ids = new Int32Array(BATCH * LENGTH)
  const answers = new Int32Array(BATCH * LENGTH).fill(-1)
  let bound: (number | undefined)[] = []
  for (let i = 0; i < ids.length; i++) {
    if (i % LENGTH === 0) bound = []
    const at = (column: number, below: number): number => Math.floor(random[3 * i + column]! * below)
    const name = at(0, KEYS)
    const known = bound[name]
    if (known !== undefined && at(1, 2) === 0) {
      ids[i] = KEYS * VALUES + name
      answers[i] = known
    } else {
      const value = at(2, VALUES)
      bound[name] = value
      ids[i] = name * VALUES + value
    }
  }
  const shape = [BATCH, LENGTH]
  return { ids: tensor(ids, { shape }), answers: tensor(answers, { shape }) }
}

interface Settings {
  readonly device: DeviceChoice
  /** Batches to train on. */
  readonly steps: number
  /** Batches to score, none of which is trained on. */
  readonly unseen: number
}

/** Loss on unseen batches after training with one variant. */
async function lossAfter(kind: Variant, seed: number, { device, steps, unseen }: Settings): Promise<number> {
  const loss = lossWith(kind)
  const optimizer = adam({ learningRate: 0.01 })
  const step = trainStep(loss, optimizer)
  const params = initParams(spec, key(seed))
  const state = optimizer.init(params)
  const [training, scoring] = [foldIn(key(seed), 1), foldIn(key(seed), 2)]
  const first = await batchOf(foldIn(training, 0))
  const compiled = compile(step, [params, state, first.ids, first.answers], { device, donate: [0, 1] })
  const score = compile(loss, [params, first.ids, first.answers], { device })
  let latest = await compiled(params, state, first.ids, first.answers)
  for (let i = 1; i < steps; i++) {
    const { ids, answers } = await batchOf(foldIn(training, i))
    latest = await compiled(latest.params, latest.state, ids, answers)
  }
  let total = 0
  for (let i = 0; i < unseen; i++) {
    const { ids, answers } = await batchOf(foldIn(scoring, i))
    total += await (await score(latest.params, ids, answers)).item()
  }
  return total / unseen
}

/** The loss of each contender for each seed, on unseen batches. Guessing gives ln 8 = 2.08. */
export async function compareVariants({
  device = 'auto',
  steps = 200,
  unseen = 4,
  seeds = 3,
}: Partial<Settings> & { readonly seeds?: number } = {}): Promise<Record<string, number[]>> {
  const losses: Record<string, number[]> = {}
  for (const [name, kind] of Object.entries(CONTENDERS)) {
    const row: number[] = []
    for (let seed = 0; seed < seeds; seed++) row.push(await lossAfter(kind, seed, { device, steps, unseen }))
    losses[name] = row
  }
  return losses
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [steps, seeds] = [Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 3)]
  const losses = await compareVariants({ steps, seeds })
  console.log(`loss on unseen sequences after ${steps} steps, one column per seed (guessing gives 2.08)\n`)
  for (const [name, row] of Object.entries(losses)) {
    console.log(`${name.padEnd(20)} ${row.map((x) => x.toFixed(3).padStart(7)).join('')}`)
  }
  closeDevices()
}
