import type { Random } from '../../data/random.ts'

/** Rows x columns (rows <= columns) of orthonormal rows in a random direction, by Gram-Schmidt. */
export function orthogonal(rows: number, columns: number, random: Random): Float64Array[] {
  const out: Float64Array[] = []
  while (out.length < rows) {
    const row = Float64Array.from({ length: columns }, () => random.normal())
    // Twice: what rounding leaves of the other rows after one pass is gone after the second.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of out) {
        const along = dot(row, other)
        for (let i = 0; i < columns; i++) row[i]! -= along * other[i]!
      }
    }
    const length = Math.sqrt(dot(row, row))
    out.push(row.map((x) => x / length))
  }
  return out
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
