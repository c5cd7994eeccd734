import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSafetensors } from '../../src/data/safetensors.ts'
import { safetensorsSource } from '../../src/data/safetensors-source.ts'
import { FileError } from '../../src/util/errors.ts'
import { entry, safetensorsBytes } from './safetensors-bytes.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-source-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a safetensors file read tensor by tensor', () => {
  it('tells what it holds without reading it, and reads whole tensors and rows', async () => {
    const path = join(folder, 'two.safetensors')
    await writeSafetensors(
      path,
      [
        ['w', { dtype: 'f32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
        ['s', { dtype: 'f32', shape: [], data: Float32Array.of(7) }],
      ],
      { made: 'here' },
    )
    const source = await safetensorsSource(path)
    expect(source.metadata).toEqual({ made: 'here' })
    expect(Object.fromEntries(source.tensors)).toEqual({
      w: { shape: [3, 2], stored: 'F32', bytes: 24 },
      s: { shape: [], stored: 'F32', bytes: 4 },
    })
    expect(await source.read('w', { from: 1, to: 3 })).toEqual({
      dtype: 'f32',
      shape: [2, 2],
      data: Float32Array.of(3, 4, 5, 6),
    })
    expect((await source.read('w', { from: 2, to: 2 })).shape).toEqual([0, 2])
    expect([...(await source.read('s')).data]).toEqual([7])
    await expect(source.read('w', { from: 1, to: 4 })).rejects.toThrow(
      /"w": rows 1 to 4 are not among the 3 of \[3,2\]/,
    )
    await expect(source.read('s', { from: 0, to: 1 })).rejects.toThrow(/a single number has no rows/)
    await expect(source.read('W')).rejects.toThrow(/"W": not there\n {2}hint: did you mean w\?/)
    await source.close()
    await expect(source.read('w')).rejects.toThrow(FileError)
  })

  it('converts rows of types of other widths', async () => {
    const path = join(folder, 'bf16.safetensors')
    const bits = new Uint8Array(new Uint16Array([0x3f80, 0xc000, 0x4040, 0x4080]).buffer)
    await writeFile(path, safetensorsBytes({ t: entry('BF16', [4], [0, 8]) }, bits))
    const source = await safetensorsSource(path)
    expect([...(await source.read('t', { from: 1, to: 3 })).data]).toEqual([-2, 3])
    await source.close()
  })

  it('holds a tensor of an unknown type against a model only where the model asks for it', async () => {
    const path = join(folder, 'f64.safetensors')
    const header = { odd: entry('F64', [1], [0, 8]), good: entry('F32', [1], [8, 12]) }
    await writeFile(path, safetensorsBytes(header, new Uint8Array(12)))
    const source = await safetensorsSource(path)
    expect([...(await source.read('good')).data]).toEqual([0])
    await expect(source.read('odd')).rejects.toThrow(/"odd": dtype F64 is not supported\n {2}hint: convert/)
    await source.close()
  })

  it('says so when the file shrinks while it is open', async () => {
    const path = join(folder, 'shrinks.safetensors')
    await writeSafetensors(path, [['w', { dtype: 'f32', shape: [64], data: new Float32Array(64) }]])
    const source = await safetensorsSource(path)
    await truncate(path, 100)
    await expect(source.read('w')).rejects.toThrow(/ends at byte 100, while being read/)
    await source.close()
  })
})
