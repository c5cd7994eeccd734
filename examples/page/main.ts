/// <reference lib="dom" />
/**
 * Training in a page: a classifier of three spirals, and what it says of every pixel as it learns.
 *
 *   npm run page     bundles this file, compiler included, and serves the page
 */
import {
  adam,
  argmax,
  biasedLinearSpec,
  compile,
  type DeviceName,
  initParams,
  key,
  linear,
  logSoftmax,
  mean,
  mul,
  neg,
  oneHot,
  openDevice,
  type ParamsOf,
  relu,
  spec,
  sum,
  type Tensor,
  tensor,
  trainStep,
} from '../../src/index.ts'

const SIDE = 96
const STEPS = 600
const COLOURS = [
  [231, 111, 81],
  [42, 157, 143],
  [38, 70, 83],
] as const

const layers = { first: biasedLinearSpec(2, 32), second: biasedLinearSpec(32, 32), last: biasedLinearSpec(32, 3) }
type Params = ParamsOf<typeof layers>

const logits = (p: Params, x: Tensor): Tensor => linear(relu(linear(relu(linear(x, p.first)), p.second)), p.last)
const loss = (p: Params, x: Tensor, labels: Tensor): Tensor =>
  neg(mean(sum(mul(logSoftmax(logits(p, x)), oneHot(labels, 3)), -1)))
const classes = (p: Params, x: Tensor): Tensor => argmax(logits(p, x))

/** Points on three spiral arms, with the arm of each. */
const points = Array.from({ length: 240 }, (_, i) => {
  const [arm, radius] = [i % 3, (i + 1) / 240]
  const angle = 4 * radius + (2 * Math.PI * arm) / 3
  return { at: [radius * Math.cos(angle), radius * Math.sin(angle)], arm }
})
const x = tensor(points.map((p) => p.at))
const labels = tensor(
  points.map((p) => p.arm),
  { dtype: 'i32' },
)
/** The middle of every pixel, in the square from -1 to 1. */
const pixels = tensor(
  Array.from({ length: SIDE * SIDE }, (_, i) => [
    ((i % SIDE) + 0.5) * (2 / SIDE) - 1,
    (Math.floor(i / SIDE) + 0.5) * (2 / SIDE) - 1,
  ]),
)

function element<T extends Element>(selector: string, kind: new () => T): T {
  const found = document.querySelector(selector)
  if (!(found instanceof kind)) throw new Error(`the page has no ${selector}`)
  return found
}
const status = element('#status', HTMLElement)
const context = element('canvas', HTMLCanvasElement).getContext('2d')

function draw(predicted: ArrayLike<number>): void {
  if (!context) return
  const image = context.createImageData(SIDE, SIDE)
  for (let i = 0; i < SIDE * SIDE; i++) image.data.set([...COLOURS[predicted[i]!]!, 140], 4 * i)
  context.putImageData(image, 0, 0)
  for (const { at, arm } of points) {
    context.fillStyle = `rgb(${COLOURS[arm]!.join(' ')})`
    context.fillRect(((at[0]! + 1) / 2) * SIDE - 0.5, ((at[1]! + 1) / 2) * SIDE - 0.5, 1.5, 1.5)
  }
}

/** From `?device=`, else the graphics card if there is one, and WebAssembly if not. */
function deviceAsked(): DeviceName {
  const asked = new URLSearchParams(location.search).get('device')
  return asked === 'webgpu' || asked === 'wasm' ? asked : 'auto'
}

async function run(): Promise<void> {
  const params = initParams(layers, key(0))
  const optimizer = adam({ learningRate: 0.01 })
  const state = optimizer.init(params)
  const device = await openDevice(deviceAsked())
  const update = trainStep(loss, optimizer)
  const step = compile(update, [params, state, x, labels], { device, donate: [0, 1] })
  const classify = compile(classes, [params, spec(['N', 2])], { device })
  let now = await step(params, state, x, labels)
  const start = performance.now()
  for (let i = 1; i <= STEPS; i++) {
    now = await step(now.params, now.state, x, labels)
    if (i % 10 !== 0) continue
    draw(await (await classify(now.params, pixels)).read())
    const perSecond = (1000 * i) / (performance.now() - start)
    const learnt = `step ${i} of ${STEPS}, loss ${(await now.loss.item()).toFixed(4)}`
    status.textContent = `${learnt}\n${perSecond.toFixed(0)} steps/s on ${device.description}`
  }
  document.body.dataset['done'] = 'true'
}

run().catch((cause: unknown) => {
  status.textContent = cause instanceof Error ? cause.message : String(cause)
})
