import type { DecodeProblem, LlamaProblem, LlamaSize, MmcaProblem, Problem } from './problem.ts'
import { IMAGE_TOKENS } from './visualchat-batch.ts'

export interface Case {
  readonly name: string
  readonly problem: Problem
  /** Multiplications and additions of one run, as the algorithm asks for them. */
  readonly flops: number
  /** What one run must read and write at the least. */
  readonly bytes: number
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
  const { tokens: _, ...decoderSize } = llama
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
    decode({ ...decoderSize, cached: full ? 1024 : 32 }),
    int4Product(1, full ? 4096 : 64),
    int4Product(128, full ? 4096 : 64),
    full ? crossEntropy(128, 32_000) : crossEntropy(4, 100),
    full ? adamwUpdate(24, 640) : adamwUpdate(3, 8),
    ...(full ? [512, 1024, 2048] : [32]).flatMap((length) =>
      (['forward', 'gradient'] as const).map((mode) => mmca(mode, full ? 8 : 2, length, full ? 64 : 8)),
    ),
    full ? visualChat(96, 5, 4, 76, 1200) : visualChat(16, 2, 1, 12, 40),
  ]
}

/** What the roofline is taken from: products, and memory moved by a copy. */
export const roofCases = (scale: Scale): Case[] =>
  scale === 'full' ? [matmul(512), matmul(1024), copy(4 * 1024 * 1024)] : [matmul(64), copy(4096)]

const copy = (length: number): Case => ({
  name: `copy ${length}`,
  problem: { kind: 'copy', length },
  flops: length,
  bytes: 2 * length * F32,
})

const matmul = (n: number): Case => ({
  name: `matmul ${n}`,
  problem: { kind: 'matmul', n },
  flops: 2 * n ** 3,
  bytes: 3 * n * n * F32,
})

const softmax = (rows: number, columns: number): Case => ({
  name: `softmax ${rows}x${columns}`,
  problem: { kind: 'softmax', rows, columns },
  flops: 5 * rows * columns,
  bytes: 2 * rows * columns * F32,
})

const layerNorm = (rows: number, columns: number): Case => ({
  name: `layer norm ${rows}x${columns}`,
  problem: { kind: 'layerNorm', rows, columns },
  flops: 8 * rows * columns,
  bytes: 2 * rows * columns * F32,
})

const elementwise = (length: number): Case => ({
  name: `gelu(x*y+z) ${length >= 1 << 20 ? `${length / (1 << 20)}M` : length}`,
  problem: { kind: 'elementwise', length },
  flops: 10 * length,
  bytes: 4 * length * F32,
})

const attention = (heads: number, length: number, width: number): Case => ({
  name: `attention, no mask, ${heads}x${length}x${width}`,
  problem: { kind: 'attention', heads, length, width },
  flops: 4 * heads * length * length * width,
  bytes: 4 * heads * length * width * F32,
})

const MODES: Readonly<Record<LlamaProblem['mode'], { readonly name: string; readonly passes: number }>> = {
  forward: { name: 'forward', passes: 1 },
  // The backward pass multiplies twice what the forward pass multiplies once.
  gradient: { name: 'value and gradient', passes: 3 },
  adamw: { name: 'gradient and AdamW', passes: 3 },
}

function decoder(mode: LlamaProblem['mode'], size: Omit<LlamaProblem, 'kind' | 'mode'>): Case {
  const { layers, dim, tokens, vocab } = size
  const matrices = matrixElements(size)
  // Counted as if attention were not causal, as is the custom.
  const attended = layers * 2 * tokens * tokens * dim
  return {
    name: `LLaMA ${layers}x${dim}, ${tokens} tokens: ${MODES[mode].name}`,
    problem: { kind: 'llama', mode, ...size },
    flops: MODES[mode].passes * 2 * (tokens * matrices + attended),
    bytes: MODES[mode].passes * (matrices + vocab * dim) * F32,
  }
}

/** Of all that a LLaMA decoder multiplies by. */
const matrixElements = ({ layers, dim, hidden, vocab }: LlamaSize): number =>
  layers * (4 * dim * dim + 3 * dim * hidden) + vocab * dim

function decode(size: Omit<DecodeProblem, 'kind'>): Case {
  const { layers, dim, cached } = size
  const cache = layers * 2 * cached * dim
  return {
    name: `LLaMA ${layers}x${dim}: a token after ${cached - 1} others`,
    problem: { kind: 'decode', ...size },
    flops: 2 * (matrixElements(size) + cache),
    bytes: (matrixElements(size) + cache) * F32,
  }
}

/** By words of eight integers each, and a scale for each 32. */
const int4Product = (rows: number, width: number): Case => ({
  name: `product by int4 ${width}x${width}, ${rows === 1 ? '1 row' : `${rows} rows`}`,
  problem: { kind: 'int4', rows, width },
  flops: 2 * rows * width * width,
  bytes: width * width * (1 / 8 + 1 / 32) * F32 + 2 * rows * width * F32,
})

const crossEntropy = (rows: number, classes: number): Case => ({
  name: `cross-entropy ${rows}x${classes}: value and gradient`,
  problem: { kind: 'crossEntropy', rows, classes },
  flops: 6 * rows * classes,
  bytes: 2 * rows * classes * F32,
})

function adamwUpdate(layers: number, dim: number): Case {
  const elements = layers * (dim * dim + dim)
  const size = elements >= 1e6 ? `${Math.round(elements / 1e6)}M` : elements
  return {
    name: `AdamW update of ${size} parameters in ${2 * layers} tensors`,
    problem: { kind: 'adamw', layers, dim },
    flops: 12 * elements,
    // The gradient is read; parameter and two moments are read and written.
    bytes: 7 * elements * F32,
  }
}

function mmca(mode: MmcaProblem['mode'], heads: number, length: number, width: number): Case {
  // Two products forward; five backward, one of them the scores once more.
  const products = mode === 'forward' ? 2 : 7
  return {
    name: `MMCA ${heads}x${length}x${width}: ${mode === 'forward' ? 'forward' : 'forward and backward'}`,
    problem: { kind: 'mmca', mode, heads, length, width },
    flops: products * 2 * heads * length * length * width,
    bytes: (mode === 'forward' ? 4 : 8) * heads * length * width * F32,
  }
}

/** Sizes of the demo: a width, dialogues in a batch, images and tokens in each, and words. */
function visualChat(dim: number, dialogues: number, images: number, text: number, vocab: number): Case {
  const hidden = 8 * Math.ceil(dim / 3)
  const vision = { layers: 3, perLayer: 4 * dim * dim + 2 * dim * 2 * dim }
  const language = matrixElements({ layers: 2, dim, heads: 4, hidden, vocab })
  const positions = dialogues * (images * IMAGE_TOKENS + text)
  return {
    name: `VisualChat ${dim}, ${dialogues} dialogues of ${images} images: training step`,
    problem: { kind: 'visualchat', dim, dialogues, images, text, vocab },
    flops: 3 * 2 * (dialogues * images * IMAGE_TOKENS * vision.layers * vision.perLayer + positions * language),
    bytes: 3 * (vision.layers * vision.perLayer + language + vocab * dim) * F32,
  }
}
