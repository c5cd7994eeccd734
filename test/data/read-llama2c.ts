import { type Llama2cConfig, llama2cSource } from '../../src/data/llama2c.ts'
import type { HostArray } from '../../src/ir/dtype.ts'

export interface Llama2cCheckpoint {
  readonly config: Llama2cConfig
  /** Under Hugging Face's names. */
  readonly tensors: Map<string, HostArray<'f32'>>
}

/** All of a llama2.c checkpoint. */
export async function readLlama2c(path: string): Promise<Llama2cCheckpoint> {
  const source = await llama2cSource(path)
  try {
    const tensors = new Map<string, HostArray<'f32'>>()
    for (const name of source.tensors.keys()) tensors.set(name, await source.read(name))
    return { config: source.config, tensors }
  } finally {
    await source.close()
  }
}
