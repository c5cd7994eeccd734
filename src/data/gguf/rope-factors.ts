import { UnsupportedError } from '../../util/errors.ts'

/** `rope_scaling` of a config.json. */
export interface RopeScalingFields {
  readonly rope_type: string
  readonly factor: number | undefined
}

/** What Llama 3.1 to 3.3 have in their config.json beside the factor. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 }

/**
 * The `rope_scaling` of a configuration behind the factors by which llama.cpp divides the frequencies theta^(-2i/E),
 * [E/2]. A GGUF file has these alone, where config.json has the rule that makes them; all models that have them follow
 * Llama 3.1's rule, and differ in the largest factor. Null where all are 1.
 * @throws UnsupportedError for factors that this rule does not give.
 */
export function ropeScalingOf(factors: Float32Array, theta: number, path: string): RopeScalingFields | null {
  if (factors.every((factor) => factor === 1)) return null
  const factor = factors.reduce((a, b) => Math.max(a, b))
  const E = factors.length * 2
  if (factors.every((x, i) => Math.abs(x / llama3Factor(theta ** ((-2 * i) / E), factor) - 1) < 1e-3)) {
    return { rope_type: 'llama3', factor, ...LLAMA3 }
  }
  throw new UnsupportedError(`${path}: its factors of RoPE's frequencies are not those of Llama 3.1's rule`)
}

/** Source: Hugging Face's `_compute_llama3_parameters`. */
function llama3Factor(frequency: number, factor: number): number {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: length } = LLAMA3
  const turns = (length * frequency) / (2 * Math.PI)
  if (turns > high) return 1
  if (turns < low) return factor
  const smooth = (turns - low) / (high - low)
  return 1 / ((1 - smooth) / factor + smooth)
}
