import { THREEFRY_PARITY, THREEFRY_ROTATIONS } from '../../../ir/prims/random.ts'
import { i32x4, v128 } from '../instructions.ts'
import type { Helper } from '../module.ts'
import { constI32, constI32x4, type Node } from '../node.ts'

const rotate = (x: Node, by: number): Node => v128.or(i32x4.shl(x, constI32(by)), i32x4.shrU(x, constI32(32 - by)))

/** First word of Threefry-2x32 (20 rounds) of the counter (c, 0), four counters at a time: see random_bits. */
export const THREEFRY: Helper = {
  name: 'threefry',
  params: ['v128', 'v128', 'v128'],
  result: 'v128',
  body(f) {
    const [key0, key1, counter] = [f.param(0), f.param(1), f.param(2)]
    const keys = [key0, key1, v128.xor(v128.xor(key0, key1), constI32x4(THREEFRY_PARITY))]
    let x = i32x4.add(counter, key0)
    let y = key1
    for (let round = 0; round < 20; round++) {
      x = i32x4.add(x, y)
      y = v128.xor(rotate(y, THREEFRY_ROTATIONS[round % 8]!), x)
      if (round % 4 === 3) {
        const injection = (round + 1) / 4
        x = i32x4.add(x, keys[injection % 3]!)
        y = i32x4.add(i32x4.add(y, keys[(injection + 1) % 3]!), constI32x4(injection))
      }
    }
    return x
  },
}
