import type { Case } from '../cases.ts'

/** Seconds, roughly, that a case takes beside others; the slowest first calls weigh most. */
function effortOf({ problem, flops }: Case): number {
  switch (problem.kind) {
    case 'llama':
      return { forward: 10, gradient: 20, adamw: 25 }[problem.mode]
    case 'mmca':
      return 4 + flops / 1e9
    case 'decode':
    case 'visualchat':
      return 10
    default:
      return 5
  }
}

/** Where a run is: which case of how many, and how long the rest takes if it goes on as it did so far. */
export function whereabouts(cases: readonly Case[], index: number, elapsedMs: number): string {
  const effort = (list: readonly Case[]): number => list.reduce((sum, what) => sum + effortOf(what), 0)
  const position = `${index + 1} of ${cases.length}`
  if (index === 0) return position
  const left = (elapsedMs * effort(cases.slice(index))) / effort(cases.slice(0, index))
  return `${position}, ${inWords(elapsedMs)} gone, about ${inWords(left)} left`
}

const inWords = (ms: number): string => (ms < 90_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`)
