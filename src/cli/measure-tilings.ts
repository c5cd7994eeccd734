import { buildProgram } from '../codegen/build-program.ts'
import { EVERY_SHAPE, tilingsFor } from '../codegen/gpu/choose-tiling.ts'
import type { Tiling } from '../codegen/gpu/tilings.ts'
import type { ProductSizes } from '../codegen/product.ts'
import type { DeviceLimits } from '../codegen/program.ts'
import { traceGraph } from '../ir/make-graph.ts'
import { matmul } from '../ir/ops/matmul.ts'
import { spec } from '../ir/ops/spec.ts'
import type { Tensor } from '../ir/tensor.ts'
import { runPasses } from '../passes/pipeline.ts'
import type { Device, Executable } from '../runtime/device.ts'
import { countElements } from '../runtime/layout.ts'

export interface MeasuredTiling {
  readonly tiling: Tiling
  readonly milliseconds: number
}

/** For all tilings of a product together; each is timed this often at least. */
const BUDGET_MILLISECONDS = 2000
const LEAST_RUNS = 3

/** Every tiling that the device can run, fastest first, on a product of random numbers. They take turns. */
export async function measureTilings(device: Device, sizes: ProductSizes): Promise<MeasuredTiling[]> {
  const { batch, m, n, k } = sizes
  const specs = [spec([batch, m, k]), spec([batch, k, n])]
  const graph = runPasses(traceGraph((x: Tensor, y: Tensor) => matmul(x, y), specs, 'product'))
  const operands = graph.inputs.map((v) => {
    const length = countElements(v.type.shape)
    return device.upload({ dtype: 'f32', shape: v.type.shape, data: Float32Array.from({ length }, Math.random) })
  })
  const time = async (executable: Executable): Promise<number> => {
    const begin = performance.now()
    for (const output of executable.run(operands)) output.dispose()
    await device.finish()
    return performance.now() - begin
  }
  const candidates = await Promise.all(
    tilingsFor(device.limits).map(async (tiling) => {
      const names = { inputNames: ['x', 'y'], outputNames: ['product'], donated: [false, false] }
      const { program } = buildProgram(graph, { limits: forcing(device.limits, tiling), ...names })
      return { tiling, executable: await device.load(program), milliseconds: Number.POSITIVE_INFINITY }
    }),
  )
  // Drivers compile when a kernel first runs.
  for (const { executable } of candidates) await time(executable)
  const end = performance.now() + BUDGET_MILLISECONDS
  for (let runs = 0; runs < LEAST_RUNS || performance.now() < end; runs++) {
    for (const c of candidates) c.milliseconds = Math.min(c.milliseconds, await time(c.executable))
  }
  for (const { executable } of candidates) executable.dispose()
  for (const x of operands) x.dispose()
  return candidates.sort((a, b) => a.milliseconds - b.milliseconds)
}

/** The limits, as if a tiling had been measured best for everything. */
export function forcing(limits: DeviceLimits, { name, adapters }: Tiling): DeviceLimits {
  const { subgroupSize = null, adapter = null } = limits.gpu ?? {}
  const onProcessor = adapters === 'processor'
  return { ...limits, gpu: { onProcessor, subgroupSize, adapter, measured: { [EVERY_SHAPE]: name } } }
}
