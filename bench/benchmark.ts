import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { measureCase, messageOf, threadsText } from './measure.ts'
import { otherRow, type Row } from './row.ts'
import type { RunLimits } from './schedule.ts'

export interface Benchmark {
  readonly rows: readonly Row[]
  /** What took part, and what could not, by name and threads. */
  readonly versions: Readonly<Record<string, string>>
}

/** All cases by all contenders. One that cannot be started has a row in each case that says why. */
export async function runBenchmark(
  cases: readonly Case[],
  contenders: readonly Contender[],
  limits: RunLimits,
  tell: (what: string) => void,
): Promise<Benchmark> {
  const versions: Record<string, string> = {}
  const absent = new Map<Contender, string>()
  const rows: Row[] = []
  try {
    for (const contender of contenders) {
      const name = `${contender.name}, ${threadsText(contender.threads)}`
      tell(`starting ${name}`)
      try {
        versions[name] = await contender.open()
      } catch (cause) {
        absent.set(contender, messageOf(cause))
        versions[name] = `not there: ${messageOf(cause)}`
      }
    }
    const present = contenders.filter((contender) => !absent.has(contender))
    for (const what of cases) {
      const measured = await measureCase(what, present, limits, (text) => tell(`${what.name}: ${text}`))
      const missing = [...absent].map(([by, why]) => otherRow(what, by, 'missing', why))
      rows.push(...measured, ...missing)
    }
  } finally {
    for (const contender of contenders) await contender.close()
  }
  return { rows, versions }
}
