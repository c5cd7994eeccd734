import type { Outputs } from './implementation.ts'

/** Largest difference allowed, relative to the largest number of the array. */
export const TOLERANCE = 1e-3

/** What is wrong with some results, held against those of another implementation; null if nothing is. */
export function differenceOf(actual: Outputs, expected: Outputs): string | null {
  for (const [name, wanted] of Object.entries(expected)) {
    const found = actual[name]
    if (!found) return `wrong result: no ${name}`
    if (found.length !== wanted.length) return `wrong result: ${name} has ${found.length} numbers, not ${wanted.length}`
    const error = relativeError(found, wanted)
    if (!(error <= TOLERANCE)) return `wrong result: ${name} is off by ${error.toExponential(1)}`
  }
  return null
}

/** The largest difference over the largest number; NaN where there is one that is no number. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let difference = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!)
    if (Number.isNaN(off)) return Number.NaN
    difference = Math.max(difference, off)
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return difference === 0 ? 0 : difference / largest
}
