import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { takesPart } from './contenders.ts'
import { measureCase, messageOf, threadsText } from './measure.ts'
import { otherRow, type Row } from './row.ts'
import type { RunLimits } from './schedule.ts'

export interface Benchmark {
  readonly rows: readonly Row[]
  /** What took part, and what could not, by name and threads. */
  readonly versions: Readonly<Record<string, string>>
}

/** Told before each case which it is, and then what is being done in it. */
export type Tell = (index: number, what: string) => void

/**
 * All cases by all contenders, each case in new processes: a first call finds nothing that another case compiled. Who
 * cannot be started has a row in each case that says why, and is not tried again.
 */
export async function runBenchmark(
  cases: readonly Case[],
  contenders: readonly Contender[],
  limits: RunLimits,
  tell: Tell,
): Promise<Benchmark> {
  const versions: Record<string, string> = {}
  const absent = new Map<Contender, string>()
  const rows: Row[] = []
  for (const [index, what] of cases.entries()) {
    const invited = contenders.filter(({ name }) => takesPart(name, what))
    try {
      for (const contender of invited) {
        if (absent.has(contender)) continue
        const name = `${contender.name}, ${threadsText(contender.threads)}`
        tell(index, `starting ${name}`)
        try {
          versions[name] = await contender.open()
        } catch (cause) {
          absent.set(contender, messageOf(cause))
          versions[name] = `not there: ${messageOf(cause)}`
        }
      }
      const present = invited.filter((contender) => !absent.has(contender))
      const measured = await measureCase(what, present, limits, (text) => tell(index, text))
      const missing = invited.flatMap((by) => {
        const why = absent.get(by)
        return why === undefined ? [] : [otherRow(what, by, 'missing', why)]
      })
      rows.push(...measured, ...missing)
    } finally {
      for (const contender of invited) await contender.close()
    }
  }
  return { rows, versions }
}
