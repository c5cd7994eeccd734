import { setTimeout as sleep } from 'node:timers/promises'
import type { Case } from './cases.ts'
import { differenceOf } from './compare.ts'
import type { Contender, PreparedCase } from './contender.ts'
import { type Outputs, type ProgramFacts, Unsupported } from './implementation.ts'
import { measuredRow, otherRow, type Row } from './row.ts'
import {
  anotherInTurn,
  anotherRound,
  anotherRun,
  anotherWarmUp,
  isLong,
  PAUSE_MS,
  type Progress,
  type RunLimits,
} from './schedule.ts'

/**
 * Measures one case by all contenders in turn, A B C A B C, so that whatever else the machine does meets all alike.
 * The results of the first one are what the others must reach. Whatever fails becomes a row that says so.
 */
export async function measureCase(
  what: Case,
  contenders: readonly Contender[],
  limits: RunLimits,
  tell: (what: string) => void,
): Promise<Row[]> {
  const entries: Entry[] = contenders.map((by) => ({
    by,
    prepared: null,
    facts: null,
    last: 0,
    times: [],
    failure: null,
  }))
  await prepareAll(what, entries, tell)
  tell('warming up')
  for (const { by } of entries) by.pause()
  for (let rounds = 0, spent = 0; anotherWarmUp(rounds, spent, limits); rounds++) {
    // Its first results were compared already: a long run was made before.
    spent += await playRound(
      entries.filter(({ last }) => !isLong(last)),
      () => {},
      anotherInTurn,
    )
  }
  const wantsMore = (entry: Entry): boolean => isReady(entry) && anotherRun(progressOf(entry), limits)
  const going = (rounds: number, spent: number): boolean =>
    entries.some(wantsMore) && (limits.runs !== undefined || anotherRound(rounds, spent))
  for (let rounds = 0, spent = 0; going(rounds, spent); rounds++) {
    tell(`round ${rounds + 1}`)
    spent += await playRound(
      entries.filter(wantsMore),
      ({ times }, time) => times.push(time),
      (done, soFar, entry) => wantsMore(entry) && anotherInTurn(done, soFar),
    )
  }
  for (const { by } of entries) by.resume()
  for (const entry of entries) await disposeOf(entry)
  return entries.map((entry) => rowOf(what, entry))
}

/** A contender and how it fares in the case at hand. */
interface Entry {
  readonly by: Contender
  prepared: PreparedCase | null
  facts: ProgramFacts | null
  /** Milliseconds of its latest run; 0 before any. */
  last: number
  readonly times: number[]
  failure: { readonly status: 'unsupported' | 'error'; readonly why: string } | null
}

type Ready = Entry & { readonly prepared: PreparedCase }

const isReady = (entry: Entry): entry is Ready => entry.prepared !== null && entry.failure === null

const progressOf = ({ prepared, times }: Entry): Progress => ({
  firstCall: prepared?.firstCall ?? 0,
  runs: times.length,
  spent: times.reduce((a, b) => a + b, 0),
})

/** Prepares each and compares its results, before any time is taken. */
async function prepareAll(what: Case, entries: readonly Entry[], tell: (what: string) => void): Promise<void> {
  let expected: Outputs | null = null
  for (const entry of entries) {
    tell(`preparing ${entry.by.name}, ${threadsText(entry.by.threads)}`)
    await attempt(entry, async () => {
      entry.prepared = await entry.by.prepare(what)
      const outputs = await entry.prepared.outputs()
      expected ??= outputs
      const difference = differenceOf(outputs, expected)
      if (difference !== null) entry.failure = { status: 'error', why: difference }
      entry.facts = await entry.prepared.facts()
    })
  }
}

/** A turn of each that has not failed; milliseconds of all runs together. */
async function playRound(
  entries: readonly Entry[],
  keep: (entry: Entry, time: number) => void,
  another: (runs: number, spent: number, entry: Entry) => boolean,
): Promise<number> {
  let all = 0
  for (const entry of entries.filter(isReady)) {
    entry.by.resume()
    await attempt(entry, async () => {
      // Not counted: its process was stopped, and its threads lie on one processor.
      if (!isLong(entry.last)) entry.last = await entry.prepared.run()
      for (let runs = 0, spent = 0; runs === 0 || another(runs, spent, entry); runs++) {
        const time = await entry.prepared.run()
        entry.last = time
        keep(entry, time)
        spent += time
        all += time
      }
    })
    await sleep(PAUSE_MS)
    entry.by.pause()
  }
  return all
}

const disposeOf = (entry: Entry): Promise<void> => attempt(entry, async () => entry.prepared?.dispose())

async function attempt(entry: Entry, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (cause) {
    entry.failure ??= { status: cause instanceof Unsupported ? 'unsupported' : 'error', why: messageOf(cause) }
  }
}

function rowOf(what: Case, { by, prepared, facts, times, failure }: Entry): Row {
  if (failure) return otherRow(what, by, failure.status, failure.why)
  return measuredRow(what, by, { times, firstCall: prepared!.firstCall, facts }) // without a failure it was prepared
}

export const threadsText = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`)

/** The first line of a message: the rest is of no use in a table. */
export const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')[0] ?? ''
