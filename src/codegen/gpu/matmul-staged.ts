import { range } from '../../ir/shape.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, extent } from '../product.ts'
import { ceilDiv } from '../schedule.ts'
import type { Side } from './operands.ts'
import type { ProductFrame } from './product-frame.ts'

/**
 * The threads of a workgroup bring a part of both operands to shared memory, some steps of k at a time, and each
 * multiplies its own tile from there: every element is read from memory once for a workgroup.
 */
export function multiplyStaged(p: ProductFrame): void {
  const { k, tiling } = p
  const { x } = k
  const { depth, rows, columns, lanesX, lanesY } = tiling
  const [tileRows, tileColumns] = [rows * lanesY, columns * lanesX]
  const left = k.shared('left_tile', 'f32', depth * tileRows)
  const right = k.shared('right_tile', 'f32', depth * tileColumns)
  const [localX, localY] = [k.share(x.builtin('local_x'), 'lane_x'), k.share(x.builtin('local_y'), 'lane_y')]
  const thread = k.share(x.add(x.mul(localY, x.constant(lanesX)), localX), 'thread')
  const zero = x.constant(0, 'f32')
  const totals = range(rows).map(() => range(columns / LANES).map(() => k.variable('total', 'f32', zero, LANES)))
  const K = k.param('K', extent(p.product.k))

  k.loop('k_begin', x.constant(0), K, x.constant(depth), (begin) => {
    stage(p, 'left', left, tileRows, x.builtin('group_y'), begin, K, thread)
    stage(p, 'right', right, tileColumns, x.builtin('group_x'), begin, K, thread)
    k.barrier()
    k.loop('k', x.constant(0), x.constant(depth), x.constant(1), (step) => {
      const vector = (array: string, size: number, at: Expr, stem: string): Expr => {
        const index = x.add(x.mul(step, x.constant(size / LANES)), at)
        return k.share(x.loadShared(array, 'f32', x.ramp(x.mul(index, x.constant(LANES))), k.depth), stem)
      }
      const own = range(rows / LANES).map((i) =>
        vector(left, tileRows, x.add(x.mul(localY, x.constant(rows / LANES)), x.constant(i)), 'rows'),
      )
      const across = range(columns / LANES).map((q) =>
        vector(right, tileColumns, x.add(localX, x.constant(q * lanesX)), 'columns'),
      )
      totals.forEach((vectors, i) => {
        const value = x.lane(own[Math.floor(i / LANES)]!, i % LANES)
        vectors.forEach((total, q) => k.assign(total, x.fma(value, across[q]!, total)))
      })
    })
    k.barrier()
  })

  const row = k.share(
    x.add(x.mul(x.builtin('group_y'), x.constant(tileRows)), x.mul(localY, x.constant(rows))),
    'row',
    'the first of this thread',
  )
  const firstQuad = x.add(x.mul(x.builtin('group_x'), x.constant(tileColumns / LANES)), localX)
  const quads = range(columns / LANES).map((q) =>
    k.share(x.add(firstQuad, x.constant(q * lanesX)), 'quad', 'four columns'),
  )
  p.storeTile(row, quads, totals)
}

/** Brings `depth` steps of `size` rows or columns to shared memory, step by step along k, in vectors along the other axis. */
function stage(
  p: ProductFrame,
  side: Side,
  array: string,
  size: number,
  group: Expr,
  begin: Expr,
  K: Expr,
  thread: Expr,
): void {
  const { k, tiling } = p
  const { x } = k
  const threads = tiling.lanesX * tiling.lanesY
  const vectors = size / LANES
  const firstVector = x.mul(group, x.constant(vectors))
  const zero = x.constant(0, 'f32')
  const put = (step: Expr, vector: Expr, value: Expr): void =>
    k.storeShared(array, x.ramp(x.mul(x.add(x.mul(step, x.constant(vectors)), vector), x.constant(LANES))), value)
  const startOf = (vector: Expr, lane: number): Expr =>
    p.start(side, x.add(x.mul(x.add(firstVector, vector), x.constant(LANES)), x.constant(lane)))
  /** Beyond the last step there is nothing to add: zero, from an index that is inside. */
  const within = (value: Expr, at: Expr, count: Expr): Expr => x.select(x.less(at, count), value, zero)
  const inside = (at: Expr, count: Expr): Expr => k.share(x.min(at, x.sub(count, x.constant(1))), 'k_at')

  if (p.along[side] === 'k') {
    // Blocks of 4 by 4: four vectors along k become four along the other axis.
    const steps = tiling.depth / LANES
    const count = x.div(K, x.constant(LANES))
    each(p, thread, threads, steps * vectors, (unit) => {
      const step = k.share(x.rem(unit, x.constant(steps)), 'k_vector')
      const vector = k.share(x.div(unit, x.constant(steps)), 'vector')
      const at = k.share(x.add(x.div(begin, x.constant(LANES)), step), 'k_at')
      const lines = range(LANES).map((lane) => {
        const value = p.load(side, x.add(startOf(vector, lane), inside(at, count)))
        return k.share(within(value, at, count), side)
      })
      for (const u of range(LANES)) {
        const row = x.add(x.mul(step, x.constant(LANES)), x.constant(u))
        put(row, vector, x.pack(lines.map((line) => x.lane(line, u))))
      }
    })
    return
  }
  each(p, thread, threads, tiling.depth * vectors, (unit) => {
    const step = k.share(x.div(unit, x.constant(vectors)), 'k_step')
    const vector = k.share(x.rem(unit, x.constant(vectors)), 'vector')
    const at = k.share(x.add(begin, step), 'k_at')
    const along = decompose(k, p.product.k, inside(at, K), 'k')[side]
    const value =
      p.along[side] === 'free'
        ? p.load(side, x.add(p.start(side, x.add(firstVector, vector)), along))
        : x.pack(range(LANES).map((lane) => p.load(side, x.add(startOf(vector, lane), along))))
    put(step, vector, within(value, at, K))
  })
}

/** Shares units of work out among the threads of a workgroup. */
function each(p: ProductFrame, thread: Expr, threads: number, units: number, body: (unit: Expr) => void): void {
  const { k } = p
  const { x } = k
  for (const round of range(ceilDiv(units, threads))) {
    const unit = k.share(x.add(thread, x.constant(round * threads)), 'unit')
    if (units % threads === 0) body(unit)
    else k.when(x.less(unit, x.constant(units)), () => body(unit))
  }
}
