import { reshape, transpose } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'

/** [B,T,H*E] as heads [B,H,T,E]. */
export function splitHeads(x: Tensor, H: number): Tensor {
  const [B, T, D] = x.shape as readonly [number, number, number]
  return transpose(reshape(x, [B, T, H, D / H]), [0, 2, 1, 3])
}

/** Heads [B,H,T,E] as [B,T,H*E]. */
export function mergeHeads(x: Tensor): Tensor {
  const [B, H, T, E] = x.shape as readonly [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * E])
}
