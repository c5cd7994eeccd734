import type { HostArray } from '../ir/dtype.ts'

/**
 * Reorders, in place, the rows of a q or k projection (or what belongs to each row) for RoPE that pairs the halves of a head.
 *
 * Meta's checkpoints, llama2.c and llama.cpp rotate the pairs (2i, 2i+1) of a head by the i-th frequency; Hugging Face's
 * models, and ours, rotate (i, i + headDim/2). Scores q.k do not change when the rows of both move alike, so row
 * 2i + half of each head goes to row half * headDim/2 + i. The rows are those of whole heads of even size.
 */
export function pairHalves({ data, shape }: HostArray, headDim: number): void {
  const perRow = data.length / (shape[0] ?? 1)
  const perHead = headDim * perRow
  const head = data.slice(0, perHead)
  for (let begin = 0; begin < data.length; begin += perHead) {
    head.set(data.subarray(begin, begin + perHead))
    for (let row = 0; row < headDim; row++) {
      const target = (row % 2) * (headDim / 2) + (row >> 1)
      data.set(head.subarray(row * perRow, (row + 1) * perRow), begin + target * perRow)
    }
  }
}
