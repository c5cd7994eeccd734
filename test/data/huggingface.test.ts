import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { huggingFaceSource } from '../../src/data/huggingface.ts'
import { writeSafetensors } from '../../src/data/safetensors.ts'
import type { HostArray } from '../../src/ir/dtype.ts'
import { FileError } from '../../src/util/errors.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-folder-'))
})
afterAll(() => rm(root, { recursive: true }))

const vector = (...values: number[]): HostArray => ({
  dtype: 'f32',
  shape: [values.length],
  data: Float32Array.from(values),
})

let made = 0
/** A folder with two shards, which hold a and b, and c. */
async function shards(weightMap: unknown): Promise<string> {
  const folder = join(root, `shards-${made++}`)
  await mkdir(folder)
  await writeSafetensors(join(folder, 'one.safetensors'), [
    ['a', vector(1)],
    ['b', vector(2, 3)],
  ])
  await writeSafetensors(join(folder, 'two.safetensors'), [['c', vector(4)]])
  const index = typeof weightMap === 'string' ? weightMap : JSON.stringify({ metadata: {}, weight_map: weightMap })
  await writeFile(join(folder, 'model.safetensors.index.json'), index)
  return folder
}

const [one, two] = ['one.safetensors', 'two.safetensors']

describe("a folder in Hugging Face's layout", () => {
  it('is read from one file', async () => {
    const folder = join(root, 'single')
    await mkdir(folder)
    await writeSafetensors(join(folder, 'model.safetensors'), [['a', vector(1)]])
    const source = await huggingFaceSource(folder)
    expect([source.path, ...source.tensors.keys()]).toEqual([folder, 'a'])
    expect([...(await source.read('a')).data]).toEqual([1])
    await source.close()
  })

  it('is read from shards as the index names them', async () => {
    const source = await huggingFaceSource(await shards({ a: one, b: one, c: two }))
    expect([...source.tensors.keys()].sort()).toEqual(['a', 'b', 'c'])
    expect([...(await source.read('b', { from: 1, to: 2 })).data]).toEqual([3])
    expect([...(await source.read('c')).data]).toEqual([4])
    await expect(source.read('d')).rejects.toThrow(FileError)
    await source.close()
  })

  it.each<[what: string, weightMap: unknown, message: RegExp]>([
    [
      'shards that are missing',
      { a: one, b: one, c: 'three', d: 'four' },
      /names files that are not in the folder: "three", "four"\n {2}hint: it has 1 of 3/,
    ],
    ['a tensor that the shard lacks', { a: one, b: one, c: two, d: two }, /"d" is said to be in "two.*which lacks it/],
    ['a tensor that the index lacks', { a: one, c: two }, /"one.safetensors" holds tensor "b", which is in no file/],
    ['a tensor in another shard', { a: one, b: two, c: two }, /"b", which is said to be in "two/],
    ['a file outside the folder', { a: '../one.safetensors' }, /"a" is said to be in ".*", outside the folder/],
    ['an absolute path', { a: '/etc/passwd' }, /outside the folder/],
    ['the folder itself', { a: '..' }, /outside the folder/],
    ['no file name', { a: 1 }, /the file of tensor "a" is not a name/],
    ['no tensors', {}, /weight_map is empty/],
    ['no map', '{"metadata":{}}', /has no weight_map/],
    ['a list', '[]', /has no weight_map/],
    ['no JSON', '{"weight_map"', /not JSON/],
    ['JSON without end', '['.repeat(200_000), /not JSON/],
    ['too many files', Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`${i}`, `${i}`])), /more than 1000/],
  ])('is refused where its index has %s', async (_, weightMap, message) => {
    const folder = await shards(weightMap)
    await expect(huggingFaceSource(folder)).rejects.toThrow(FileError)
    await expect(huggingFaceSource(folder)).rejects.toThrow(message)
    await expect(huggingFaceSource(folder)).rejects.toThrow(folder)
  })

  it('is read from the files of PyTorch where it has no others', async () => {
    const folder = join(root, 'torch')
    await mkdir(folder)
    const shard = new URL('../fixtures/torch/parameter.pt', import.meta.url)
    await copyFile(shard, join(folder, 'pytorch_model-00001-of-00001.bin'))
    const index = JSON.stringify({ weight_map: { weight: 'pytorch_model-00001-of-00001.bin' } })
    await writeFile(join(folder, 'pytorch_model.bin.index.json'), index)
    const sharded = await huggingFaceSource(folder)
    expect([...(await sharded.read('weight')).data]).toEqual([0, 1, 2, 3])
    await sharded.close()
    await copyFile(shard, join(folder, 'pytorch_model.bin'))
    const single = await huggingFaceSource(folder)
    expect([...single.tensors.keys()]).toEqual(['weight'])
    await single.close()
    await writeSafetensors(join(folder, 'model.safetensors'), [['preferred', vector(1)]])
    const preferred = await huggingFaceSource(folder)
    expect([...preferred.tensors.keys()]).toEqual(['preferred'])
    await preferred.close()
  })

  it('is refused where Git LFS has not fetched its weights', async () => {
    const folder = join(root, 'pointers')
    await mkdir(folder)
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 13476835328\n`
    await writeFile(join(folder, 'model.safetensors'), pointer)
    await expect(huggingFaceSource(folder)).rejects.toThrow(/a pointer of Git LFS, not the file itself\n.*git lfs pull/)
  })

  it('is refused where it holds no weights, or is none', async () => {
    const folder = join(root, 'empty')
    await mkdir(folder)
    await expect(huggingFaceSource(folder)).rejects.toThrow(/holds no weights.*\n {2}hint: one of model.safetensors,/)
    await writeFile(join(folder, 'llama.Q4_K_M.gguf'), '')
    await writeFile(join(folder, 'tokenizer.bin'), '')
    await expect(huggingFaceSource(folder)).rejects.toThrow(
      /hint: give the path of the file itself: llama.Q4_K_M.gguf$/,
    )
    await expect(huggingFaceSource(join(root, 'none'))).rejects.toThrow(/none: no such file or folder/)
    await writeFile(join(root, 'file'), '')
    await expect(huggingFaceSource(join(root, 'file'))).rejects.toThrow(/is not a folder/)
  })
})
