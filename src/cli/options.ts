import { Option } from 'commander'
import type { DeviceChoice } from '../runtime/choose.ts'
import { ValueError } from '../util/errors.ts'
import { didYouMean } from '../util/suggest.ts'

export const DEVICES: readonly DeviceChoice[] = ['auto', 'webgpu', 'wasm', 'reference']

/** `--device`, the same on every command. */
export const deviceOption = (): Option =>
  new Option(
    '-d, --device <name>',
    'auto: a graphics card, else wasm; webgpu; wasm: the processor; reference: the evaluator in plain TypeScript',
  )
    .default('auto')
    .argParser(oneOf('--device', DEVICES))

/** A parser for a flag whose value is one of a few words. It throws ValueError with the nearest of them. */
export const oneOf =
  <T extends string>(flag: string, allowed: readonly T[]) =>
  (text: string): T => {
    const found = allowed.find((word) => word === text)
    if (found !== undefined) return found
    throw new ValueError(`${flag} ${text}: not one of ${allowed.join(', ')}`, { hint: didYouMean(text, allowed) })
  }

/** A parser for a flag that takes a whole number. It throws ValueError outside [least, greatest]. */
export const wholeNumber =
  (flag: string, least: number, greatest = Number.MAX_SAFE_INTEGER) =>
  (text: string): number =>
    checked(flag, text, Number.isSafeInteger, `a whole number ${range(least, greatest)}`, least, greatest)

/** A parser for a flag that takes a number. It throws ValueError outside [least, greatest]. */
export const decimal =
  (flag: string, least: number, greatest = Number.POSITIVE_INFINITY) =>
  (text: string): number =>
    checked(flag, text, Number.isFinite, `a number ${range(least, greatest)}`, least, greatest)

function checked(
  flag: string,
  text: string,
  ofKind: (value: number) => boolean,
  wanted: string,
  least: number,
  greatest: number,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (ofKind(value) && value >= least && value <= greatest) return value
  throw new ValueError(`${flag} ${text}: not ${wanted}`)
}

const range = (least: number, greatest: number): string =>
  greatest >= Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${greatest}`
