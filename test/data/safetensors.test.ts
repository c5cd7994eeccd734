import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSafetensors, readSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import type { DType, HostArray } from '../../src/ir/dtype.ts'
import { FileError, ShapeError, ValueError } from '../../src/util/errors.ts'
import { entry, safetensorsBytes } from './safetensors-bytes.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

const f32 = (shape: number[], values: number[]): HostArray => ({ dtype: 'f32', shape, data: new Float32Array(values) })

const bytesOf = ({ data }: HostArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** Bit-equal, so that NaN payloads and -0 count. */
function expectSame(got: ReadonlyMap<string, HostArray>, expected: ReadonlyMap<string, HostArray>): void {
  expect([...got.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [name, { dtype, shape, data }] of expected) {
    const found = got.get(name)!
    expect([name, found.dtype, found.shape]).toEqual([name, dtype, shape])
    expect(bytesOf(found).equals(bytesOf({ dtype, shape, data } as HostArray)), `bytes of ${name}`).toBe(true)
  }
}

const words = (dtype: DType, count: number): fc.Arbitrary<HostArray['data']> => {
  const exactly = { minLength: count, maxLength: count }
  switch (dtype) {
    case 'f32':
      return fc.float32Array(exactly)
    case 'f16':
      return fc.uint16Array(exactly)
    case 'i32':
      return fc.int32Array(exactly)
    case 'u32':
      return fc.uint32Array(exactly)
    case 'bool':
      return fc.array(fc.integer({ min: 0, max: 1 }), exactly).map((bytes) => Uint8Array.from(bytes))
  }
}
const tensor: fc.Arbitrary<HostArray> = fc
  .tuple(fc.constantFrom<DType[]>('f32', 'f16', 'i32', 'u32', 'bool'), fc.array(fc.nat(5), { maxLength: 3 }))
  .chain(([dtype, shape]) =>
    words(
      dtype,
      shape.reduce((a, b) => a * b, 1),
    ).map((data) => ({ dtype, shape, data }) as HostArray),
  )
const name = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('__proto__', '0', '"', '\\', '{'))
  .filter((text) => text !== '__metadata__')
const tensors = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 })

describe('round trip', () => {
  it('gives back every tensor and the metadata, from the file and from bytes of any alignment', async () => {
    const path = join(folder, 'round.safetensors')
    const property = fc.asyncProperty(
      tensors,
      fc.dictionary(name, fc.string()),
      fc.nat(7),
      async (list, metadata, shift) => {
        await writeSafetensors(path, list, metadata)
        const fromFile = await readSafetensors(path)
        expectSame(fromFile.tensors, new Map(list))
        expect(new Map(Object.entries(fromFile.metadata))).toEqual(new Map(Object.entries(metadata)))
        const bytes = await readFile(path)
        const shifted = new Uint8Array(bytes.length + shift)
        shifted.set(bytes, shift)
        expectSame(parseSafetensors(shifted.subarray(shift)).tensors, new Map(list))
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  it('reads tensors larger than one chunk', async () => {
    const path = join(folder, 'large.safetensors')
    const count = 3 * 1024 * 1024 + 5
    const data = Float32Array.from({ length: count }, (_, i) => i)
    await writeSafetensors(path, [['big', { dtype: 'f32', shape: [count], data }]])
    expectSame((await readSafetensors(path)).tensors, new Map([['big', { dtype: 'f32', shape: [count], data }]]))
  })

  it('aligns the data to its elements and leaves no temporary file', async () => {
    const path = join(folder, 'aligned', 'x.safetensors')
    await expect(writeSafetensors(path, [])).rejects.toThrow(/no such file or folder/)
    const inFolder = join(folder, 'aligned.safetensors')
    await writeSafetensors(inFolder, [
      ['flag', { dtype: 'bool', shape: [3], data: new Uint8Array(3) }],
      ['wide', f32([1], [1])],
    ])
    const bytes = await readFile(inFolder)
    const headerBytes = Number(bytes.readBigUInt64LE(0))
    expect(headerBytes % 8).toBe(0)
    const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString())
    expect(header.wide.data_offsets).toEqual([0, 4])
    expect((await readdir(folder)).filter((file) => file.endsWith('.tmp'))).toEqual([])
  })
})

describe('element types', () => {
  const read = (dtype: string, shape: number[], data: Uint8Array) =>
    parseSafetensors(safetensorsBytes({ t: entry(dtype, shape, [0, data.length]) }, data)).tensors.get('t')!

  it('widens BF16 to f32', () => {
    const bits = new Uint8Array(new Uint16Array([0x3f80, 0xc000, 0x7f80, 0x0001]).buffer)
    expect([...read('BF16', [4], bits).data]).toEqual([1, -2, Number.POSITIVE_INFINITY, Math.fround(2 ** -133)])
  })

  it('narrows I64 to i32 and refuses what does not fit', () => {
    const bytes = (...values: bigint[]) => new Uint8Array(new BigInt64Array(values).buffer)
    const fits = read('I64', [4], bytes(0n, -1n, 2147483647n, -2147483648n))
    expect([fits.dtype, ...fits.data]).toEqual(['i32', 0, -1, 2147483647, -2147483648])
    for (const value of [2147483648n, -2147483649n, 1n << 62n, 4294967295n]) {
      expect(() => read('I64', [2], bytes(7n, value))).toThrow(`tensor "t": element 1 is ${value}, outside the range`)
    }
  })

  it('reads U8 as u32 and checks that BOOL is 0 or 1', () => {
    const bytes = new Uint8Array([0, 1, 255])
    expect([read('U8', [3], bytes).dtype, ...read('U8', [3], bytes).data]).toEqual(['u32', 0, 1, 255])
    expect(() => read('BOOL', [3], bytes)).toThrow('element 2 of a BOOL is 255')
  })

  it('refuses a type weft has not, with what to do', () => {
    expect(() => read('F64', [1], new Uint8Array(8))).toThrow(/"t": dtype F64 is not supported\n {2}hint: convert/)
  })
})

describe('hostile files', () => {
  const four = new Uint8Array(4)
  const ok = entry('F32', [1], [0, 4])
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ['empty', new Uint8Array(0), /only 0 bytes long/],
    ['shorter than the length', new Uint8Array(7), /only 7 bytes long/],
    ['a header past the end', safetensorsBytes({}).subarray(0, 9), /runs past the end/],
    ['an absurd header length', new Uint8Array(16).fill(0xff), /18446744073709551615 bytes exceeds 100 MB/],
    ['no object', safetensorsBytes('[]'), /does not begin with '\{'/],
    ['not UTF-8', safetensorsBytes({ a: ok }, four).map((b) => (b === 0x61 ? 0xff : b)), /not UTF-8/],
    ['text after the header', safetensorsBytes('{} x'), /text after the end/],
    [
      'a name twice',
      safetensorsBytes(`{"a":${JSON.stringify(ok)},"\\u0061":${JSON.stringify(ok)}}`, four),
      /"a" stands twice/,
    ],
    ['a field twice', safetensorsBytes('{"a":{"dtype":"F32","dtype":"F16"}}'), /"dtype" stands twice/],
    ['deep nesting', safetensorsBytes(`{"a":${'['.repeat(100_000)}`), /nested too deep/],
    ['a fraction', safetensorsBytes('{"a":1.5}'), /whole number/],
    ['an exponent', safetensorsBytes('{"a":1e3}'), /whole number/],
    ['a number beyond 2^53', safetensorsBytes('{"a":9007199254740992}'), /whole number/],
    ['an open string', safetensorsBytes('{"a\\'), /unclosed string/],
    ['metadata that is no text', safetensorsBytes({ __metadata__: { a: 1 } }), /__metadata__ "a" is not a string/],
    ['an entry that is no object', safetensorsBytes({ a: 'x' }), /tensor "a": its header entry/],
    ['no dtype', safetensorsBytes({ a: { shape: [], data_offsets: [0, 0] } }), /tensor "a": has no dtype/],
    ['an inherited name as dtype', safetensorsBytes({ a: entry('toString', [1], [0, 4]) }, four), /not supported/],
    ['no shape', safetensorsBytes({ a: { dtype: 'F32', data_offsets: [0, 0] } }), /tensor "a": has no shape/],
    ['one offset', safetensorsBytes({ a: entry('F32', [1], [0]) }, four), /tensor "a": has no data_offsets/],
    ['an unknown field', safetensorsBytes({ a: { ...ok, more: 1 } }, four), /tensor "a": unknown field "more"/],
    ['size unlike shape', safetensorsBytes({ a: entry('F32', [2], [0, 4]) }, four), /takes 8 bytes, .* span 4/],
    ['end before begin', safetensorsBytes({ a: entry('F32', [1], [4, 0]) }, four), /tensor "a": .* span -4/],
    ['overflowing shape', safetensorsBytes({ a: entry('F32', [2 ** 40, 2 ** 40, 0], [0, 0]) }), /overflows/],
    ['truncated data', safetensorsBytes({ a: ok }, four.subarray(1)), /tensor "a": .* run past the 3 bytes/],
    ['overlap', safetensorsBytes({ a: ok, b: entry('F32', [1], [2, 6]) }, new Uint8Array(6)), /tensor "b": .* overlap/],
    ['the same range twice', safetensorsBytes({ a: ok, b: ok }, four), /tensor "b": .* overlap/],
    ['a hole', safetensorsBytes({ a: ok, b: entry('F32', [1], [5, 9]) }, new Uint8Array(9)), /tensor "b": .* hole/],
    ['bytes of no tensor', safetensorsBytes({ a: ok }, new Uint8Array(6)), /2 bytes after the last tensor/],
  ]

  it.each(cases)('refuses %s', async (_, bytes, message) => {
    const path = join(folder, 'hostile.safetensors')
    await writeFile(path, bytes)
    await expect(readSafetensors(path)).rejects.toThrow(FileError)
    await expect(readSafetensors(path)).rejects.toThrow(message)
    await expect(readSafetensors(path)).rejects.toThrow(path)
    expect(() => parseSafetensors(bytes)).toThrow(message)
  })

  it('refuses a gigantic claim before allocating for it', async () => {
    const path = join(folder, 'claim.safetensors')
    await writeFile(path, safetensorsBytes({ a: entry('U8', [2 ** 45], [0, 2 ** 45]) }, four))
    await expect(readSafetensors(path)).rejects.toThrow(/run past the 4 bytes/)
  })

  it('keeps messages short whatever the file holds', () => {
    const shape = Array.from({ length: 50_000 }, () => 1)
    const bytes = safetensorsBytes({ ['n'.repeat(50_000)]: entry('F32', shape, [0, 8]) }, new Uint8Array(8))
    let message = ''
    try {
      parseSafetensors(bytes)
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(/^FileError/)
    expect(message.length).toBeLessThan(1000)
  })

  it('names what cannot be opened', async () => {
    await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow(/none: no such file/)
    await expect(readSafetensors(folder)).rejects.toThrow(/is a folder/)
  })

  it('meets any mutation of a good file with tensors within its size or a FileError', async () => {
    const path = join(folder, 'good.safetensors')
    await writeSafetensors(
      path,
      [
        ['w', f32([2, 2], [1, 2, 3, 4])],
        ['b', f32([0], [])],
      ],
      { made: 'by a test' },
    )
    const good = new Uint8Array(await readFile(path))
    const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) })
    const property = fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (edits, cut) => {
      const bytes = good.slice(0, cut % 3 === 0 ? cut : good.length)
      for (const { at, byte } of edits) if (at < bytes.length) bytes[at] = byte
      try {
        const { tensors: read } = parseSafetensors(bytes)
        const total = [...read.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
        expect(total).toBeLessThanOrEqual(4 * bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(FileError)
      }
    })
    fc.assert(property, { numRuns: 2000 })
  })
})

describe('writing', () => {
  it('refuses wrong tensors and leaves the old file as it was', async () => {
    const path = join(folder, 'kept.safetensors')
    await writeSafetensors(path, [['a', f32([1], [1])]])
    const before = await stat(path)
    const twice = [['a', f32([1], [1])] as const, ['a', f32([1], [2])] as const]
    await expect(writeSafetensors(path, twice)).rejects.toThrow(ValueError)
    await expect(writeSafetensors(path, [['__metadata__', f32([1], [1])]])).rejects.toThrow(ValueError)
    await expect(writeSafetensors(path, [['a', f32([2], [1])]])).rejects.toThrow(ShapeError)
    const two: HostArray = { dtype: 'bool', shape: [1], data: new Uint8Array([2]) }
    await expect(writeSafetensors(path, [['a', two]])).rejects.toThrow(ValueError)
    expect((await stat(path)).mtimeMs).toBe(before.mtimeMs)
  })
})

const FIXTURE = new URL('../../../shared/fixtures/llama-causal-rope-none.safetensors', import.meta.url).pathname
describe.runIf(existsSync(FIXTURE))('a file written by the reference implementation', () => {
  it('is read whole', async () => {
    const { metadata, tensors: read } = await readSafetensors(FIXTURE)
    expect(read.size).toBe(47)
    expect(Object.keys(metadata).length).toBeGreaterThan(0)
    for (const { shape, data } of read.values()) expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
  })
})
