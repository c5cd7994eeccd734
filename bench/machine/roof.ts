import type { Case } from '../cases.ts'
import type { Contender } from '../contender.ts'
import { isMeasured, type Row } from '../row.ts'

/** What a device gives at best with so many threads: arithmetic in a matrix product, memory moved by a copy. */
export interface Roof {
  readonly device: string
  readonly threads: number
  readonly gflops: number
  readonly gigabytes: number
}

const RUNS = 5
const LEAST_RUNS = 2
const ENOUGH_MS = 1500

/** The best rates of one contender in some cases: products, and a copy. */
export async function measureRoof(contender: Contender, cases: readonly Case[]): Promise<Roof> {
  let gflops = 0
  let gigabytes = 0
  await contender.open()
  try {
    for (const what of cases) {
      const prepared = await contender.prepare(what)
      let best = Number.POSITIVE_INFINITY
      for (let runs = 0, spent = 0; runs < RUNS && (runs < LEAST_RUNS || spent < ENOUGH_MS); runs++) {
        const time = await prepared.run()
        best = Math.min(best, time)
        spent += time
      }
      await prepared.dispose()
      if (what.problem.kind === 'copy') gigabytes = what.bytes / best / 1e6
      else gflops = Math.max(gflops, what.flops / best / 1e6)
    }
  } finally {
    await contender.close()
  }
  return { device: contender.device, threads: contender.threads, gflops, gigabytes }
}

/** Raised to what anyone reached in any case, should that be above it. */
export const raisedBy = (roofs: readonly Roof[], rows: readonly Row[]): Roof[] =>
  roofs.map((roof) => {
    const reached = rows.filter(isMeasured).filter((row) => under(roof, row))
    const products = reached.filter(({ problem }) => problem.kind === 'matmul')
    return {
      ...roof,
      gflops: Math.max(roof.gflops, ...products.map((row) => row.gflops)),
      gigabytes: Math.max(roof.gigabytes, ...reached.map((row) => row.gigabytes)),
    }
  })

const under = (roof: Roof, row: Row): boolean => roof.device === row.device && roof.threads === row.threads

/**
 * The share of what the roof allows that a row reaches: the time in which the device could do its arithmetic or move
 * its bytes, whichever takes longer, over the time that it took. Null for what runs on something else.
 */
export function shareOfRoof(row: Row & { readonly median: number }, roofs: readonly Roof[]): number | null {
  const roof = roofs.find((one) => under(one, row))
  if (!roof) return null
  const least = Math.max(row.flops / roof.gflops, row.bytes / roof.gigabytes) / 1e6
  return least / row.median
}
