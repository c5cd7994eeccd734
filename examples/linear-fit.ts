/**
 * A line through noisy points, by gradient descent: a loss, its gradient, one compiled step.
 *
 *   npx tsx examples/linear-fit.ts [steps]
 */
import { pathToFileURL } from 'node:url'
import {
  add,
  closeDevices,
  compile,
  type DeviceChoice,
  key,
  mean,
  mul,
  normal,
  square,
  sub,
  type Tensor,
  tensor,
  uniform,
  valueAndGrad,
} from '../src/index.ts'

interface Line {
  readonly slope: Tensor
  readonly offset: Tensor
}

/** Mean squared distance of the line from the points. */
const loss = ({ slope, offset }: Line, x: Tensor, y: Tensor): Tensor => mean(square(sub(add(mul(slope, x), offset), y)))

/** One step of gradient descent: a pure function from a line to a better one. */
function step(line: Line, x: Tensor, y: Tensor): { line: Line; value: Tensor } {
  const [value, slopes] = valueAndGrad(loss)(line, x, y)
  const descend = (now: Tensor, gradient: Tensor): Tensor => sub(now, mul(gradient, 0.5))
  return {
    line: { slope: descend(line.slope, slopes.slope), offset: descend(line.offset, slopes.offset) },
    value,
  }
}

/** Fits y = 3 x - 1 from 100 points with noise of 0.1; resolves to what was found. */
export async function linearFit({
  device = 'auto',
  steps = 200,
  log = () => {},
}: {
  readonly device?: DeviceChoice
  readonly steps?: number
  readonly log?: (line: string) => void
}): Promise<{ slope: number; offset: number; loss: number }> {
  const x = uniform(key(1), [100], { low: -1, high: 1 })
  const y = add(sub(mul(x, 3), 1), mul(normal(key(2), [100]), 0.1))
  const start: Line = { slope: tensor(0), offset: tensor(0) }

  const compiled = compile(step, [start, x, y], { device, donate: [0] })
  let latest = await compiled(start, x, y)
  for (let i = 1; i <= steps; i++) {
    latest = await compiled(latest.line, x, y)
    if (i % 50 === 0) log(`step ${i}: loss ${(await latest.value.item()).toFixed(4)}`)
  }
  const { line, value } = latest
  return { slope: await line.slope.item(), offset: await line.offset.item(), loss: await value.item() }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { slope, offset } = await linearFit({ steps: Number(process.argv[2] ?? 200), log: console.log })
  console.log(`y = ${slope.toFixed(3)} x + ${offset.toFixed(3)} (the points were made with y = 3 x - 1)`)
  closeDevices()
}
