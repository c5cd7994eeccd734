import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { TensorSource } from '../../src/data/tensor-source.ts'
import { readTorchArguments } from '../../src/data/torch-arguments.ts'
import { torchSource } from '../../src/data/torch-source.ts'
import { f16ToNumber } from '../../src/ir/dtype.ts'
import { FileError } from '../../src/util/errors.ts'

/** Made by make.py there, with PyTorch 1.13. */
const fixture = (name: string): string => new URL(`../fixtures/torch/${name}`, import.meta.url).pathname

async function using<T>(name: string, use: (source: TensorSource) => Promise<T>): Promise<T> {
  const source = await torchSource(fixture(name))
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

describe('tensors of every type', () => {
  it('are read as what holds their values', () =>
    using('types.bin', async (source) => {
      const values = async (name: string) => {
        const { dtype, shape, data } = await source.read(name)
        return [dtype, shape, Array.from(data, (x) => (dtype === 'f16' ? f16ToNumber(x) : x))]
      }
      expect(await values('f32')).toEqual(['f32', [2, 3], [0, 1, 2, 3, 4, 5]])
      expect(await values('f16')).toEqual(['f16', [4], [0, 1, 2, 3]])
      expect(await values('bf16')).toEqual(['f32', [4], [0, 1, 2, 3]])
      expect(await values('i64')).toEqual(['i32', [3], [-1, 0, 1]])
      expect(await values('i32')).toEqual(['i32', [3], [0, 1, 2]])
      expect(await values('u8')).toEqual(['u32', [3], [0, 1, 2]])
      expect(await values('bool')).toEqual(['bool', [2], [1, 0]])
      expect(await values('scalar')).toEqual(['f32', [], [7]])
      expect(await values('empty')).toEqual(['f32', [0, 4], []])
      expect(source.tensors.get('bf16')).toEqual({ shape: [4], stored: 'BF16', bytes: 8 })
      await expect(values('f64')).rejects.toThrow(/"f64": dtype F64 is not supported\n {2}hint: convert/)
      await expect(values('f23')).rejects.toThrow(/did you mean f32/)
    }))

  it('are read where the storage has no type of its own, as newer versions write it', () =>
    using('untyped.bin', async (source) => {
      expect(await source.read('weight')).toEqual({ dtype: 'f32', shape: [2, 2], data: Float32Array.of(0, 1, 2, 3) })
    }))
})

describe('views', () => {
  const expected: Record<string, [shape: number[], values: number[]]> = {
    tied: [[4, 6], Array.from({ length: 24 }, (_, i) => i)],
    transposed: [[6, 4], Array.from({ length: 24 }, (_, i) => (i % 4) * 6 + Math.floor(i / 4))],
    rows: [[2, 6], Array.from({ length: 12 }, (_, i) => i + 6)],
    columns: [
      [4, 2],
      [2, 3, 8, 9, 14, 15, 20, 21],
    ],
    every_other: [
      [2, 3],
      [1, 3, 5, 13, 15, 17],
    ],
    permuted: [[4, 2, 3], Array.from({ length: 24 }, (_, i) => (i % 6) * 4 + Math.floor(i / 6))],
  }

  it('are the tensors that they show, whole and by rows', async () => {
    await using('views.bin', async (source) => {
      for (const [name, [shape, values]] of Object.entries(expected)) {
        expect([name, await source.read(name)]).toEqual([
          name,
          { dtype: 'f32', shape, data: Float32Array.from(values) },
        ])
        const perRow = values.length / shape[0]!
        const rows = await source.read(name, { from: 1, to: 2 })
        expect([name, ...rows.data]).toEqual([name, ...values.slice(perRow, 2 * perRow)])
      }
    })
  })

  it('are refused where they repeat their storage', () =>
    expect(torchSource(fixture('expanded.bin'))).rejects.toThrow(/"weight": \[1000,1000\] repeats elements/))
})

describe('state dictionaries', () => {
  it('are found at the top, and where trainers put them', async () => {
    const names = ['0.weight', '0.bias', '1.weight', '1.bias']
    const top = await using('state_dict.bin', async (source) => {
      expect([...source.tensors.keys()]).toEqual(names)
      return source.read('0.weight')
    })
    await using('nested.pt', async (source) => {
      expect([...source.tensors.keys()]).toEqual(names)
      expect(await source.read('0.weight')).toEqual(top)
    })
    await using('parameter.pt', async (source) => {
      expect([...(await source.read('weight')).data]).toEqual([0, 1, 2, 3])
    })
    await expect(torchSource(fixture('train_args.pt'))).rejects.toThrow(FileError)
  })
})

describe('files that are refused', () => {
  it.each<[name: string, message: RegExp]>([
    ['malicious.bin', /asks for "posix.system", which could run any code.*\n {2}hint: .*python -c .*weights_only=True/],
    ['module.pt', /asks for "torch.nn.modules.container.Sequential"/],
    ['legacy.bin', /format before PyTorch 1.6.*\n {2}hint: convert .*python -c/],
    ['deflated.bin', /entry "types\/data\/0" is compressed/],
    ['make.py', /not a whole zip archive/],
    ['none.bin', /no such file/],
  ])('%s', async (name, message) => {
    await expect(torchSource(fixture(name))).rejects.toThrow(FileError)
    await expect(torchSource(fixture(name))).rejects.toThrow(message)
    expect(existsSync('executed')).toBe(false)
  })
})

describe('arguments of a training run', () => {
  it.each(['train_args.pt', 'namespace.pt'])('are read from %s', async (name) => {
    expect(await readTorchArguments(fixture(name))).toEqual({
      vis_proj: 'baseline',
      enable_mmca_attention: true,
      learning_rate: 1e-3,
      max_seq_len: 512,
      data_debug_path: null,
      dataset_names: ['llava', 'ocr_vqa'],
      lr_scheduler_type: 'cosine',
      betas: [0.9, 0.95],
    })
  })

  it('are refused where they name anything else', async () => {
    await expect(readTorchArguments(fixture('malicious.bin'))).rejects.toThrow(/asks for "posix.system"/)
    await expect(readTorchArguments(fixture('state_dict.bin'))).rejects.toThrow(/holds tensors among the arguments/)
  })
})
