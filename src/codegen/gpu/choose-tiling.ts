import type { ProductSizes } from '../product.ts'
import type { DeviceLimits } from '../program.ts'
import { PORTABLE, TILINGS, type Tiling } from './tilings.ts'

/** Threads that fill the machine; with fewer, part of it waits. */
const THREADS_TO_FILL = { processor: 16, card: 16384 }

/** A tiling, and why it was taken. */
export interface TilingChoice {
  readonly tiling: Tiling
  readonly why: string
}

/** Every tiling that a device can run. */
export function tilingsFor(limits: DeviceLimits): readonly Tiling[] {
  const { onProcessor, subgroupSize } = limits.gpu ?? PORTABLE
  return TILINGS.filter((t) => {
    if (t.adapters !== (onProcessor ? 'processor' : 'card')) return false
    const threads = t.lanesX * t.lanesY * t.slices
    if (threads > limits.invocationsPerWorkgroup || sharedBytes(t) > limits.workgroupMemoryBytes) return false
    // A subgroup must lie within a workgroup, and its rows within a tile.
    return (
      t.form !== 'broadcast' || (subgroupSize !== null && t.lanesX % subgroupSize === 0 && t.rows % subgroupSize === 0)
    )
  })
}

/** f32 in the shared memory of a workgroup. */
function sharedBytes(t: Tiling): number {
  if (t.form === 'staged') return 4 * t.depth * (t.rows * t.lanesY + t.columns * t.lanesX)
  return t.form === 'sliced' ? 4 * t.rows * t.columns * t.lanesX * t.lanesY * t.slices : 0
}

/** The tiling that was measured best for such shapes, else the one that should take least time. */
export function chooseTiling(sizes: ProductSizes, limits: DeviceLimits): TilingChoice {
  const tilings = tilingsFor(limits)
  const measured = limits.gpu?.measured ?? {}
  const of = shapeClass(sizes) in measured ? shapeClass(sizes) : EVERY_SHAPE
  const known = tilings.find((t) => t.name === measured[of])
  if (known) return { tiling: known, why: `${known.name}, measured best for ${of}` }
  const fill = limits.gpu?.onProcessor ? THREADS_TO_FILL.processor : THREADS_TO_FILL.card
  const estimates = tilings.map((tiling) => ({ tiling, ...estimate(tiling, sizes, fill) }))
  const best = estimates.reduce((a, b) => (b.cost < a.cost ? b : a))
  const percent = (x: number): string => `${Math.round(100 * x)}%`
  return {
    tiling: best.tiling,
    why: `${best.tiling.name}, least by estimate: ${percent(best.used)} of its tiles used, ${percent(best.full)} of the adapter`,
  }
}

/** The time of a product: that of whole tiles, longer where there are too few threads. */
function estimate(
  t: Tiling,
  { batch, m, n, k }: ProductSizes,
  fill: number,
): { cost: number; used: number; full: number } {
  const rows = t.rows * t.lanesY
  const columns = t.columns * t.lanesX
  const tiles = batch * Math.ceil(m / rows) * Math.ceil(n / columns)
  const padded = tiles * rows * columns
  const full = Math.min(1, (tiles * t.lanesX * t.lanesY * t.slices) / fill)
  return { cost: (padded * k) / (t.rate * full), used: (batch * m * n) / padded, full }
}

/** In place of a class: for all those that have no entry. */
export const EVERY_SHAPE = 'every shape'

/** Shapes that are taken to want the same tiling: each size to the next power of two, up to a bound. */
export function shapeClass({ batch, m, n, k }: ProductSizes): string {
  const rounded = (size: number, most: number): number => Math.min(most, 2 ** Math.ceil(Math.log2(size)))
  return `${rounded(batch, 64)} of ${rounded(m, 4096)}x${rounded(k, 16384)}x${rounded(n, 4096)}`
}
