/**
 * A network trained twice: in f32, and in f16 with loss scaling over parameters in f32.
 *
 *   npx tsx examples/mixed-precision.ts [steps]
 */
import { pathToFileURL } from 'node:url'
import {
  adamw,
  biasedLinearSpec,
  cast,
  closeDevices,
  compile,
  type DeviceChoice,
  initParams,
  key,
  linear,
  lossScaling,
  matmul,
  mean,
  mixedPrecision,
  normal,
  type ParamsOf,
  scaledTrainStep,
  square,
  sub,
  type Tensor,
  tanh,
  trainStep,
} from '../src/index.ts'

const spec = { first: biasedLinearSpec(8, 64), last: biasedLinearSpec(64, 2) }
type Params = ParamsOf<typeof spec>

/** Mean squared error, f32 []: what comes out of the network is in the dtype of what went in, the error in f32. */
const loss = (p: Params, x: Tensor, y: Tensor): Tensor => {
  const predicted = linear(tanh(linear(x, p.first)), p.last)
  return mean(square(sub(cast(predicted, 'f32'), cast(y, 'f32'))))
}

/** Resolves to the last losses of both, and to the scale that the loss in f16 has come to. */
export async function trainInBoth({
  device = 'auto',
  steps = 100,
  log = () => {},
}: {
  readonly device?: DeviceChoice
  readonly steps?: number
  readonly log?: (line: string) => void
}): Promise<{ f32: number; f16: number; scale: number }> {
  const x = normal(key(1), [128, 8])
  const y = tanh(matmul(x, normal(key(2), [8, 2])))
  const params = initParams(spec, key(3))
  const optimizer = adamw({ learningRate: 0.01 })
  const state = optimizer.init(params)
  // Far too great at first, to show how it comes down.
  const scaling = lossScaling({ initial: 2 ** 24 })
  const scaledState = { optimizer: state, scaling: scaling.init() }

  const inF32 = trainStep(loss, optimizer)
  const inF16 = scaledTrainStep(mixedPrecision(loss), optimizer, scaling)
  const full = compile(inF32, [params, state, x, y], { device, donate: [0, 1] })
  const half = compile(inF16, [params, scaledState, x, y], { device, donate: [0, 1] })
  let a = await full(params, state, x, y)
  let b = await half(params, scaledState, x, y)
  for (let i = 1; i <= steps; i++) {
    const note = (await b.skipped.item()) === 1 ? 'overflow, skipped' : `loss ${(await b.loss.item()).toFixed(4)}`
    if (i < 15 || i % 20 === 0) log(`step ${i}: f32 loss ${(await a.loss.item()).toFixed(4)}; f16 ${note}`)
    a = await full(a.params, a.state, x, y)
    b = await half(b.params, b.state, x, y)
  }
  return { f32: await a.loss.item(), f16: await b.loss.item(), scale: await b.state.scaling.scale.item() }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { f32, f16, scale } = await trainInBoth({ steps: Number(process.argv[2] ?? 100), log: console.log })
  console.log(`in f32 ${f32.toFixed(4)}, in f16 ${f16.toFixed(4)} at a scale of ${scale}`)
  closeDevices()
}
