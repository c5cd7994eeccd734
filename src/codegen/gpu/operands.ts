import type { Dim, Product } from '../product.ts'

/** Along what four neighbouring elements of an operand are one load: its own axes, the contracted ones, or neither. */
export type Along = 'free' | 'k' | 'none'
export type Side = 'left' | 'right'

const freeDims = (product: Product, side: Side): readonly Dim[] => (side === 'left' ? product.m : product.n)

/** Whether whole vectors begin at multiples of four everywhere: what a buffer of vec4 asks for. */
export function runsAlong(product: Product, side: Side, along: 'free' | 'k'): boolean {
  const free = freeDims(product, side)
  const run = (along === 'free' ? free : product.k).at(-1)
  const whole = along === 'free' || product.k.length === 1
  if (run?.[side] !== 1 || run.size % 4 !== 0 || !whole) return false
  const others = [...product.batch, ...free, ...product.k].filter((d) => d !== run)
  return product[side].offset % 4 === 0 && others.every((d) => d[side] % 4 === 0)
}

/** The product with one operand counted in vectors: offsets and strides in fours, a quarter of the elements in the run. */
export function inVectors(product: Product, side: Side, along: Along): Product {
  if (along === 'none') return product
  const quarter = (d: Dim): Dim => ({ ...d, [side]: d[side] / 4 })
  const run = (dims: readonly Dim[]): Dim[] =>
    dims.map((d, i) => (i === dims.length - 1 ? { ...d, size: d.size / 4 } : quarter(d)))
  const access = { ...product[side], offset: product[side].offset / 4 }
  const name = side === 'left' ? 'm' : 'n'
  return {
    ...product,
    [side]: access,
    batch: product.batch.map(quarter),
    [name]: along === 'free' ? run(product[name]) : product[name].map(quarter),
    // Steps along k are counted by the schedule: by elements, or by vectors where those lie along k.
    k: along === 'free' ? product.k.map(quarter) : product.k,
  }
}
