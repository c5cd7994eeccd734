import type { Command } from 'commander'
import { chooseTiling, shapeClass } from '../codegen/gpu/choose-tiling.ts'
import type { ProductSizes } from '../codegen/product.ts'
import { chooseDevice, type DeviceChoice } from '../runtime/choose.ts'
import { writeTilings } from '../runtime/tiling-cache.ts'
import { UnsupportedError, ValueError } from '../util/errors.ts'
import type { Io } from './io.ts'
import { measureTilings } from './measure-tilings.ts'
import { deviceOption } from './options.ts'

const DETAILS = `
A product is MxKxN, or BxMxKxN with a batch: rows, length of the sums, columns. Shapes are taken together by powers of
two. What is fastest goes to a file (WEFT_CACHE_DIR, else ~/.cache/weft/tilings.json), by adapter. Devices that are
opened later in Node read it; for other shapes, and in pages, weft estimates.`

/** What decoders and their training ask for, in small and in large. */
const USUAL = [
  '1x1024x1024',
  '8x1024x1024',
  '128x256x688',
  '512x512x512',
  '1024x1024x1024',
  '64x8192x64',
  '8x512x64x512',
]

/** Adds `weft tune` to the program. */
export function registerTune(program: Command, io: Io): void {
  program
    .command('tune')
    .summary('measure which tilings of products are fastest on this adapter')
    .description('Times every tiling of matrix products that the WebGPU device can run, and remembers the fastest.')
    .argument('[product...]', `sizes as MxKxN or BxMxKxN (default: ${USUAL.join(', ')})`)
    .addOption(deviceOption().default('webgpu'))
    .addHelpText('after', DETAILS)
    .action((products: readonly string[], options: { readonly device: DeviceChoice }) =>
      tune(products.length === 0 ? USUAL : products, options.device, io),
    )
}

/** @throws UnsupportedError for devices without tilings, ValueError for sizes that are none. */
async function tune(products: readonly string[], choice: DeviceChoice, io: Io): Promise<void> {
  const sizes = products.map(parseSizes)
  const device = await chooseDevice(choice)
  const gpu = device === 'reference' ? undefined : device.limits.gpu
  const adapter = gpu?.adapter ?? null
  if (device === 'reference' || gpu === undefined || adapter === null) {
    throw new UnsupportedError('tune: only products on WebGPU in Node have tilings to choose from', {
      hint: 'weft tune --device webgpu',
    })
  }
  const fastest: Record<string, string> = {}
  for (const [i, product] of sizes.entries()) {
    const measured = await measureTilings(device, product)
    const guess = chooseTiling(product, { ...device.limits, gpu: { ...gpu, measured: {} } })
    io.out.write(`${products[i]}\n`)
    for (const { tiling, milliseconds } of measured) {
      const mark = tiling.name === guess.tiling.name ? '   (estimated to be best)' : ''
      io.out.write(`  ${tiling.name.padEnd(24)} ${milliseconds.toFixed(2).padStart(9)} ms${mark}\n`)
    }
    fastest[shapeClass(product)] = measured[0]!.tiling.name
  }
  io.out.write(`${await writeTilings(adapter, fastest)}\n`)
}

function parseSizes(text: string): ProductSizes {
  const numbers = text.split('x').map(Number)
  const whole = numbers.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!whole || numbers.length < 3 || numbers.length > 4) {
    throw new ValueError(`tune ${text}: not a product`, { hint: 'MxKxN, such as 128x256x512, or BxMxKxN' })
  }
  const [n, k, m, batch = 1] = numbers.reverse() as [number, number, number, number?]
  return { batch, m, n, k }
}
