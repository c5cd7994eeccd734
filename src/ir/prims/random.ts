import { definePrim, type PlainPrim } from '../prim.ts'
import { failShape, formatShape, sizeOf } from '../shape.ts'
import { emptyArray, requireDType } from './common.ts'

type Bits = { readonly shape: readonly number[] }

/**
 * Counter-based random bits: key u32[...K,2] gives u32[...K,...shape], element i being the first word of
 * Threefry-2x32 (20 rounds) of the counter (i, 0) under the key. Equal keys give equal bits on every device.
 * Source: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).
 */
export const randomBits = definePrim<PlainPrim<Bits>>({
  name: 'random_bits',
  kind: 'random',
  infer([key], { shape }) {
    requireDType('randomBits key', key!, ['u32'])
    if (key!.shape.at(-1) !== 2)
      failShape(`randomBits: key of shape ${formatShape(key!.shape)}`, 'a key is u32[2]: key(seed)')
    return [{ dtype: 'u32', shape: [...key!.shape.slice(0, -1), ...shape] }]
  },
  evaluate([key], { shape }, [type]) {
    const out = emptyArray(type!)
    const n = sizeOf(shape)
    for (let i = 0; i < out.data.length; i++) {
      const k = Math.floor(i / n)
      out.data[i] = threefry2x32(key!.data[2 * k]!, key!.data[2 * k + 1]!, i % n, 0)
    }
    return [out]
  },
  batch: ({ o, inputs, attrs: { shape } }) => [o.randomBits(inputs[0]!, shape)],
})

/** The constants of Threefry-2x32. */
export const THREEFRY_PARITY = 0x1bd11bda
export const THREEFRY_ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24]

/** First word of Threefry-2x32-20. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): number {
  const keys = [key0, key1, key0 ^ key1 ^ THREEFRY_PARITY]
  let x = (counter0 + key0) | 0
  let y = (counter1 + key1) | 0
  for (let round = 0; round < 20; round++) {
    const r = THREEFRY_ROTATIONS[round % 8]!
    x = (x + y) | 0
    y = ((y << r) | (y >>> (32 - r))) ^ x
    if (round % 4 === 3) {
      const injection = (round + 1) / 4
      x = (x + keys[injection % 3]!) | 0
      y = (y + keys[(injection + 1) % 3]! + injection) | 0
    }
  }
  return x >>> 0
}
