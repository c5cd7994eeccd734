/**
 * Three spirals told apart by a small network, scored on points it has not seen.
 *
 *   npx tsx examples/mlp-classifier.ts [steps]
 */
import { pathToFileURL } from 'node:url'
import {
  adam,
  argmax,
  biasedLinearSpec,
  cast,
  closeDevices,
  compile,
  type DeviceChoice,
  eq,
  initParams,
  key,
  linear,
  logSoftmax,
  mean,
  mul,
  neg,
  oneHot,
  type ParamsOf,
  relu,
  sum,
  type Tensor,
  tensor,
  trainStep,
} from '../src/index.ts'

const CLASSES = 3
const HIDDEN = 32

const spec = {
  first: biasedLinearSpec(2, HIDDEN),
  second: biasedLinearSpec(HIDDEN, HIDDEN),
  last: biasedLinearSpec(HIDDEN, CLASSES),
}
type Params = ParamsOf<typeof spec>

/** Logits [N,3] of points [N,2]. */
const logits = (p: Params, x: Tensor): Tensor => linear(relu(linear(relu(linear(x, p.first)), p.second)), p.last)

/** Cross-entropy, the mean over all points. */
const loss = (p: Params, x: Tensor, labels: Tensor): Tensor =>
  neg(mean(sum(mul(logSoftmax(logits(p, x)), oneHot(labels, CLASSES)), -1)))

const accuracy = (p: Params, x: Tensor, labels: Tensor): Tensor => mean(cast(eq(argmax(logits(p, x)), labels), 'f32'))

/** Points along three arms; `phase` shifts them along the arm, so that two sets share no point. */
function spirals(perClass: number, phase: number): { x: Tensor; labels: Tensor } {
  const points: number[][] = []
  const labels: number[] = []
  for (let c = 0; c < CLASSES; c++) {
    for (let i = 0; i < perClass; i++) {
      const radius = (i + 0.5 + phase) / perClass
      const angle = 4 * radius + (2 * Math.PI * c) / CLASSES
      points.push([radius * Math.cos(angle), radius * Math.sin(angle)])
      labels.push(c)
    }
  }
  return { x: tensor(points), labels: tensor(labels, { dtype: 'i32' }) }
}

/** Trains, and resolves to the last loss and the share of unseen points that are told right. */
export async function mlpClassifier({
  device = 'auto',
  steps = 200,
  log = () => {},
}: {
  readonly device?: DeviceChoice
  readonly steps?: number
  readonly log?: (line: string) => void
}): Promise<{ loss: number; accuracy: number }> {
  const seen = spirals(60, 0)
  const unseen = spirals(60, 0.4)
  const params = initParams(spec, key(0))
  const optimizer = adam({ learningRate: 0.01 })
  const state = optimizer.init(params)
  const step = trainStep(loss, optimizer)

  // Parameters and optimiser state are taken over by each call, and updated in place.
  const compiled = compile(step, [params, state, seen.x, seen.labels], { device, donate: [0, 1] })
  const score = compile(accuracy, [params, unseen.x, unseen.labels], { device })
  let latest = await compiled(params, state, seen.x, seen.labels)
  for (let i = 1; i <= steps; i++) {
    latest = await compiled(latest.params, latest.state, seen.x, seen.labels)
    if (i % 50 === 0) log(`step ${i}: loss ${(await latest.loss.item()).toFixed(4)}`)
  }
  return {
    loss: await latest.loss.item(),
    accuracy: await (await score(latest.params, unseen.x, unseen.labels)).item(),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { accuracy } = await mlpClassifier({ steps: Number(process.argv[2] ?? 200), log: console.log })
  console.log(`${(100 * accuracy).toFixed(1)}% of 180 unseen points told right`)
  closeDevices()
}
