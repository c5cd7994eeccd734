import { reshape, resizeBicubic, transpose } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'

/**
 * Positions [S*S,D] of a square grid, brought to a grid of G by G: [G*G,D], row by row. Bicubic, as Qwen-VL's
 * `get_abs_pos`; the same tensor where the grids are equal.
 *
 * Throws ShapeError where the rows make no square.
 */
export function resizePositions(positions: Tensor, G: number): Tensor {
  const [rows, D] = positions.shape as readonly [number, number]
  const S = squareSide(rows)
  if (S === undefined)
    failShape(`positions ${formatShape(positions.shape)}`, 'a square grid has 1, 4, 9, ... positions')
  if (S === G) return positions
  const image = transpose(reshape(positions, [1, S, S, D]), [0, 3, 1, 2])
  return reshape(transpose(resizeBicubic(image, [G, G]), [0, 2, 3, 1]), [G * G, D])
}

/** The side of a square grid of n positions; undefined where n is no square. */
export function squareSide(n: number): number | undefined {
  const side = Math.round(Math.sqrt(n))
  return side * side === n && n > 0 ? side : undefined
}

/**
 * Fixed positions of a grid of G by G, [G*G,D] row by row, for D a multiple of 4: the first half of D is
 * [sin, cos] of the column by D/4 frequencies 10000^(-4i/D), the second half the same of the row.
 * Source: Masked Autoencoders (arXiv:2111.06377), appendix A.1, in the order of its released code.
 */
export function sincosPositions(G: number, D: number): Float32Array {
  const N = D / 4
  const frequency = Array.from({ length: N }, (_, i) => 10000 ** (-i / N))
  const out = new Float32Array(G * G * D)
  for (let at = 0; at < G * G; at++) {
    const place = [at % G, Math.floor(at / G)]
    place.forEach((p, half) => {
      const start = at * D + half * 2 * N
      frequency.forEach((f, i) => {
        out[start + i] = Math.sin(p * f)
        out[start + N + i] = Math.cos(p * f)
      })
    })
  }
  return out
}
