import type { DeviceLimits, GpuTraits } from '../program.ts'

/** All that schedules for WebGPU choose by adapter: sizes and thresholds, as data. */

/** How a product is cut into workgroups and threads. */
export interface Tiling {
  readonly name: string
  /** What it is meant for: software adapters, or graphics cards. */
  readonly adapters: 'processor' | 'card'
  /**
   * How operands come to the thread that multiplies them: `registers`, each from memory for itself; `broadcast`, rows
   * of the left operand once for a subgroup; `staged`, both once for a workgroup, through its shared memory; `sliced`,
   * from memory, the threads of a workgroup sharing k.
   */
  readonly form: 'registers' | 'broadcast' | 'staged' | 'sliced'
  /** Results of one thread. Columns are a multiple of 4: they are vectors. */
  readonly rows: number
  readonly columns: number
  /** Threads of a workgroup along columns and along rows. */
  readonly lanesX: number
  readonly lanesY: number
  /** Threads of a workgroup that share k. */
  readonly slices: number
  /** Steps of k that are brought to shared memory together. */
  readonly depth: number
  /** GFLOP/s where all of a tile is used and the machine is full: measured on lavapipe, relative on cards. */
  readonly rate: number
}

const tile = (
  adapters: Tiling['adapters'],
  form: Tiling['form'],
  sizes: Partial<Tiling> & { readonly rate: number },
): Tiling => {
  const t = { adapters, form, rows: 4, columns: 4, lanesX: 8, lanesY: 1, slices: 1, depth: 1, ...sizes }
  const whole = `${t.rows * t.lanesY}x${t.columns * t.lanesX}`
  return { ...t, name: `${form} ${whole}${t.slices > 1 ? ` by ${t.slices}` : ''}` }
}

/**
 * The schedules of products. Where the processor does the work: many results for each load, few threads. For cards:
 * workgroups that read each operand once, and enough threads to hide the wait for memory.
 */
export const TILINGS: readonly Tiling[] = [
  tile('processor', 'broadcast', { rows: 16, rate: 24 }),
  tile('processor', 'broadcast', { rows: 8, rate: 17 }),
  tile('processor', 'registers', { rows: 8, rate: 9 }),
  tile('processor', 'registers', { rows: 4, rate: 7 }),
  tile('processor', 'sliced', { rows: 4, lanesX: 16, slices: 4, rate: 6 }),
  tile('processor', 'sliced', { rows: 1, lanesX: 16, slices: 4, rate: 2.5 }),
  tile('card', 'staged', { rows: 8, columns: 8, lanesY: 8, depth: 16, rate: 100 }),
  tile('card', 'staged', { rows: 4, columns: 4, lanesY: 8, depth: 16, rate: 60 }),
  tile('card', 'sliced', { rows: 4, slices: 8, rate: 25 }),
  tile('card', 'sliced', { rows: 4, lanesX: 4, slices: 32, rate: 20 }),
  tile('card', 'sliced', { rows: 1, slices: 16, rate: 8 }),
]

/** How rows are shared out: reductions, and what is done row by row. */
export interface RowTiling {
  /** Threads of a workgroup. */
  readonly threads: number
  /** Rows longer than this have a workgroup each, shorter ones a thread. */
  readonly longRow: number
  /** A reduction of rows that do not lie together has a workgroup for each result up to this many. */
  readonly fewResults: number
  /** How a workgroup adds up what its threads have: in one instruction of its one subgroup, or in shared memory. */
  readonly fold: 'subgroup' | 'shared'
}

const ROWS_ON_CARD: RowTiling = { threads: 64, longRow: 64, fewResults: 4096, fold: 'shared' }

/** For adapters of this kind. A subgroup of the processor's lanes needs neither barriers nor shared memory. */
export function rowTiling({ gpu = PORTABLE }: DeviceLimits): RowTiling {
  const { onProcessor, subgroupSize } = gpu
  if (!onProcessor || subgroupSize === null) return ROWS_ON_CARD
  return { ...ROWS_ON_CARD, threads: subgroupSize, fold: 'subgroup' }
}

/** What is known of a device of which nothing is said. */
export const PORTABLE: GpuTraits = { onProcessor: false, subgroupSize: null, adapter: null, measured: {} }
