import { UnsupportedError, ValueError } from '../util/errors.ts'

/** Far more layers than any model has. */
const MAX_LAYERS = 10_000

export type Fields = ReturnType<typeof fields>

/** Checked access to the fields of a JSON object; `what` opens every message. */
export function fields(what: string, json: unknown) {
  const fail = (problem: string): never => {
    throw new ValueError(`${what}: ${problem}`)
  }
  if (typeof json !== 'object' || json === null) return fail('not an object')
  const object = json as Readonly<Record<string, unknown>> // only read through `value`, as unknown
  const value = (name: string): unknown => object[name]
  const number = (name: string, ok: (x: number) => boolean, wanted: string, fallback?: number): number => {
    const x = value(name) ?? fallback
    if (typeof x === 'number' && ok(x)) return x
    return fail(`${name} is ${JSON.stringify(x) ?? 'missing'}, not ${wanted}`)
  }
  return {
    fail,
    value,
    size: (name: string, fallback?: number) =>
      number(name, (x) => Number.isInteger(x) && x > 0, 'a positive integer', fallback),
    /** A number of layers, which are described one by one before a checkpoint's tensors are looked at: hence the bound. */
    layers: (name: string, fallback?: number) =>
      number(
        name,
        (x) => Number.isInteger(x) && x > 0 && x <= MAX_LAYERS,
        `a positive integer up to ${MAX_LAYERS}`,
        fallback,
      ),
    positive: (name: string, fallback?: number) =>
      number(name, (x) => Number.isFinite(x) && x > 0, 'a positive number', fallback),
    flag(name: string, fallback: boolean): boolean {
      const x = value(name) ?? fallback
      return typeof x === 'boolean' ? x : fail(`${name} is ${JSON.stringify(x)}, not true or false`)
    },
    divides(divisor: string, dividend: string, quotient: number): void {
      if (!Number.isInteger(quotient)) fail(`${dividend} is not a multiple of ${divisor}`)
    },
    /** A field that may stand in the file, with one value only. */
    only(name: string, supported: unknown): void {
      const x = value(name) ?? supported
      if (x !== supported)
        throw new UnsupportedError(`${what}: ${name} ${JSON.stringify(x)}`, {
          hint: `only ${JSON.stringify(supported)}`,
        })
    },
  }
}
