import type { LlamaProblem, Problem } from './problem.ts'

export interface Case {
  readonly name: string
  readonly problem: Problem
  /** Multiplications and additions of one run, as the algorithm asks for them. */
  readonly flops: number
  /** What one run must read and write at the least. */
  readonly bytes: number
  /** By which of the two it is judged. */
  readonly boundBy: 'flops' | 'bytes'
}

/** `tiny` is for trying that everything works: its times mean nothing. */
export type Scale = 'full' | 'tiny'

const F32 = 4

export function benchmarkCases(scale: Scale): Case[] {
  const full = scale === 'full'
  const side = full ? 1024 : 64
  const columns = full ? 768 : 48
  const llama = full
    ? { layers: 2, dim: 256, heads: 8, hidden: 688, tokens: 128, vocab: 1000 }
    : { layers: 2, dim: 16, heads: 2, hidden: 24, tokens: 8, vocab: 32 }
  return [
    matmul(side / 2),
    matmul(side),
    softmax(side, side),
    layerNorm(side, columns),
    elementwise(full ? 4 * 1024 * 1024 : 4096),
    full ? attention(8, 512, 64) : attention(2, 32, 8),
    decoder('forward', llama),
    decoder('gradient', llama),
    decoder('adamw', llama),
  ]
}

const matmul = (n: number): Case => ({
  name: `matmul ${n}`,
  problem: { kind: 'matmul', n },
  flops: 2 * n ** 3,
  bytes: 3 * n * n * F32,
  boundBy: 'flops',
})

const softmax = (rows: number, columns: number): Case => ({
  name: `softmax ${rows}x${columns}`,
  problem: { kind: 'softmax', rows, columns },
  flops: 5 * rows * columns,
  bytes: 2 * rows * columns * F32,
  boundBy: 'bytes',
})

const layerNorm = (rows: number, columns: number): Case => ({
  name: `layer norm ${rows}x${columns}`,
  problem: { kind: 'layerNorm', rows, columns },
  flops: 8 * rows * columns,
  bytes: 2 * rows * columns * F32,
  boundBy: 'bytes',
})

const elementwise = (length: number): Case => ({
  name: `gelu(x*y+z) ${length >= 1 << 20 ? `${length / (1 << 20)}M` : length}`,
  problem: { kind: 'elementwise', length },
  flops: 10 * length,
  bytes: 4 * length * F32,
  boundBy: 'bytes',
})

const attention = (heads: number, length: number, width: number): Case => ({
  name: `attention, no mask, ${heads}x${length}x${width}`,
  problem: { kind: 'attention', heads, length, width },
  flops: 4 * heads * length * length * width,
  bytes: 4 * heads * length * width * F32,
  boundBy: 'flops',
})

const MODES: Readonly<Record<LlamaProblem['mode'], { readonly name: string; readonly passes: number }>> = {
  forward: { name: 'forward', passes: 1 },
  // The backward pass multiplies twice what the forward pass multiplies once.
  gradient: { name: 'value and gradient', passes: 3 },
  adamw: { name: 'gradient and AdamW', passes: 3 },
}

type LlamaSize = Omit<LlamaProblem, 'kind' | 'mode'>

function decoder(mode: LlamaProblem['mode'], size: LlamaSize): Case {
  const { layers, dim, hidden, tokens, vocab } = size
  const matrices = layers * (4 * dim * dim + 3 * dim * hidden) + vocab * dim
  // Counted as if attention were not causal, as is the custom.
  const attended = layers * 2 * tokens * tokens * dim
  return {
    name: `LLaMA ${layers}x${dim}, ${tokens} tokens: ${MODES[mode].name}`,
    problem: { kind: 'llama', mode, ...size },
    flops: MODES[mode].passes * 2 * (tokens * matrices + attended),
    bytes: MODES[mode].passes * (matrices + vocab * dim) * F32,
    boundBy: 'flops',
  }
}
