import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { huggingFaceSource } from '../../src/data/huggingface.ts'
import { llama2cSource } from '../../src/data/llama2c.ts'
import { writeSafetensors } from '../../src/data/safetensors.ts'
import { safetensorsSource } from '../../src/data/safetensors-source.ts'
import type { TensorSource } from '../../src/data/tensor-source.ts'
import { readTorchArguments } from '../../src/data/torch-arguments.ts'
import { torchSource } from '../../src/data/torch-source.ts'
import { WeftError } from '../../src/util/errors.ts'
import { checkpointBytes, SMALL } from './llama2c-bytes.ts'

/** A test of its own takes a second; these numbers are all that makes a longer search. */
const RUNS = 400
const SECONDS = 1

const torchFixture = (name: string): URL => new URL(`../fixtures/torch/${name}`, import.meta.url)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-hostile-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file with some bytes changed, some numbers in it made extreme, and its end cut off or something put there. */
const damaged = (good: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const at = fc.nat(Math.max(0, good.length - 1))
  const edit = fc.oneof(
    fc.record({ at, bytes: fc.uint8Array({ minLength: 1, maxLength: 2 }) }),
    fc.record({ at, bytes: fc.constantFrom(...EXTREMES) }),
  )
  return fc
    .record({
      edits: fc.array(edit, { maxLength: 3 }),
      cut: fc.option(at, { freq: 4 }),
      tail: fc.uint8Array({ maxLength: 3 }),
    })
    .map(({ edits, cut, tail }) => {
      const bytes = Uint8Array.from([...good.subarray(0, cut ?? good.length), ...tail])
      for (const { at: place, bytes: change } of edits) {
        if (place + change.length <= bytes.length) bytes.set(change, place)
      }
      return bytes
    })
}
const EXTREMES = [0xff, 0x7f, 0x80, 0].flatMap((last) => [
  Uint8Array.of(0xff, 0xff, 0xff, last),
  Uint8Array.of(0, 0, 0, last),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last),
  Uint8Array.of(0, 0, 0, 0, 0, 1, 0, last),
])

/** Opening and reading everything gives tensors of no more than the file holds, or an error of ours. */
async function survives(open: () => Promise<TensorSource>, fileBytes: number): Promise<void> {
  try {
    const source = await open()
    try {
      for (const [name, info] of source.tensors) {
        expect(info.bytes).toBeLessThanOrEqual(fileBytes)
        await source.read(name).then(({ data }) => expect(data.byteLength).toBeLessThanOrEqual(4 * fileBytes), ours)
      }
    } finally {
      await source.close()
    }
  } catch (error) {
    ours(error)
  }
}

function ours(error: unknown): void {
  if (!(error instanceof WeftError)) throw error
  expect(error.message.length).toBeLessThan(2000)
}

async function check(good: Uint8Array, meets: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  await meets(good)
  const options = { numRuns: RUNS, interruptAfterTimeLimit: SECONDS * 1000, markInterruptAsFailure: false }
  await fc.assert(fc.asyncProperty(damaged(good), meets), options)
}

describe('a damaged file gives an error of ours, or tensors within its size', () => {
  it('safetensors', async () => {
    const path = join(folder, 'good.safetensors')
    await writeSafetensors(path, [
      ['w', { dtype: 'f32', shape: [2, 3], data: new Float32Array(6) }],
      ['h', { dtype: 'f16', shape: [4], data: new Uint16Array(4) }],
    ])
    const good = new Uint8Array(await readFile(path))
    await check(good, async (bytes) => {
      await writeFile(path, bytes)
      await survives(() => safetensorsSource(path), bytes.length)
    })
  })

  it.each(['types.bin', 'views.bin', 'untyped.bin'])('PyTorch: %s', async (name) => {
    const path = join(folder, name)
    await check(new Uint8Array(await readFile(torchFixture(name))), async (bytes) => {
      await writeFile(path, bytes)
      await survives(() => torchSource(path), bytes.length)
    })
  })

  it('llama2.c', async () => {
    const path = join(folder, 'llama2c.bin')
    await check(checkpointBytes(SMALL).bytes, async (bytes) => {
      await writeFile(path, bytes)
      await survives(() => llama2cSource(path), bytes.length)
    })
  })

  it('arguments of a training run', async () => {
    const name = 'namespace.pt'
    const path = join(folder, name)
    await check(new Uint8Array(await readFile(torchFixture(name))), async (bytes) => {
      await writeFile(path, bytes)
      await readTorchArguments(path).then((args) => JSON.stringify(args), ours)
    })
  })

  it('an index of shards', async () => {
    const shard = join(folder, 'one.safetensors')
    await writeSafetensors(shard, [['w', { dtype: 'f32', shape: [1], data: new Float32Array(1) }]])
    const size = (await readFile(shard)).length
    const index = new TextEncoder().encode('{"metadata":{"total_size":4},"weight_map":{"w":"one.safetensors"}}')
    await check(index, async (bytes) => {
      await writeFile(join(folder, 'model.safetensors.index.json'), bytes)
      await survives(() => huggingFaceSource(folder), size)
    })
  })
})
