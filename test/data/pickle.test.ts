import { describe, expect, it } from 'vitest'
import { type PickleContext, type PickleValue, unpickle } from '../../src/data/pickle.ts'
import { argumentGlobal, storageOf, tensorIn, torchGlobal } from '../../src/data/torch-globals.ts'
import { FileError } from '../../src/util/errors.ts'

const context: PickleContext = { global: torchGlobal('x.bin'), persistent: (id) => storageOf(id, 'x.bin') }

/** Opcodes as text in Latin-1, which is how Python's pickletools shows them. */
const load = (pickle: string, using = context): PickleValue =>
  unpickle(
    Uint8Array.from(pickle, (c) => c.charCodeAt(0)),
    using,
    'x.bin',
  )

describe('a pickle', () => {
  it('is read as lists, dictionaries, texts and numbers', () => {
    expect(load('\x80\x02].')).toEqual([])
    expect(load('\x80\x04\x95\0\0\0\0\0\0\0\0}\x94(\x8c\x01aK\x01\x8c\x01bJ\xfe\xff\xff\xffu.')).toEqual(
      new Map([
        ['a', 1],
        ['b', -2],
      ]),
    )
    expect(load('\x80\x02(NG\x3f\xf8\0\0\0\0\0\0\x88\x89M\x01\x02t.')).toEqual([null, 1.5, true, false, 513])
    expect(load(`\x80\x02\x8a\x09${'\0'.repeat(8)}\x01.`)).toBe(1n << 64n)
    expect(load('\x80\x02]q\x00(h\x00h\x00e.')).toHaveLength(2) // a list that holds itself
  })

  it.each<[what: string, pickle: string, message: RegExp]>([
    ['nothing', '', /1 bytes are asked for, past its end/],
    ['no end', '\x80\x02}', /past its end/],
    ['an old protocol', '\x80\x01N.', /protocol 1, not 2 to 5/],
    ['a text longer than the file', '\x80\x02X\xff\xff\xff\x7fa.', /2147483647 bytes are asked for/],
    ['bytes of 2^56', '\x80\x04\x8d\0\0\0\0\0\0\0\x01.', /72057594037927940 bytes are asked for/],
    ['an opcode that loads extensions', '\x80\x02\x82\x01.', /opcode 0x82 is not one/],
    ['an opcode that builds instances', '\x80\x02(ios\nsystem\n.', /opcode 0x69 is not one/],
    ['a tuple without a mark', '\x80\x02Nt.', /a mark is missing/],
    ['nothing on the stack', '\x80\x02R.', /the stack is empty/],
    ['an empty slot', '\x80\x02h\x07.', /nothing was kept in slot 7/],
    ['too many marks', `\x80\x02${'('.repeat(1001)}.`, /nested more than 1000 deep/],
    ['a line without end', '\x80\x02cos', /a line without end/],
    ['a call of a text', '\x80\x02X\x01\0\0\0a)R.', /a call of something that is no function/],
    ['a function of another module', '\x80\x02cos\nsystem\n(X\x02\0\0\0lstR.', /asks for "os.system"/],
    ['the same by its newer opcode', '\x80\x04\x8c\x05posix\x8c\x06system\x93.', /asks for "posix.system"/],
    ['an inherited name', '\x80\x02c__proto__\nconstructor\n.', /asks for "__proto__.constructor"/],
    ['getattr in a checkpoint', '\x80\x02c__builtin__\ngetattr\n.', /asks for "__builtin__.getattr"/],
    ['a tensor of nothing', '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.', /a tensor that is not a storage/],
  ])('with %s is refused', (_, pickle, message) => {
    expect(() => load(pickle)).toThrow(FileError)
    expect(() => load(pickle)).toThrow(message)
  })

  it('gets attributes of an enumeration alone', () => {
    const using = { ...context, global: argumentGlobal('x.bin') }
    const member = (owner: string): string => `\x80\x02c__builtin__\ngetattr\n${owner}X\x04\0\0\0LINE\x86R.`
    expect(load(member('ctransformers.trainer_utils\nSchedulerType\n'), using)).toBe('line')
    expect(() => load(member('ctorch\nSize\n'), using)).toThrow(/asks for an attribute, which could run any code/)
  })

  it('describes a tensor without believing it', () => {
    const storage = '(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu\x8a\x06\0\0\0\0\0\x01tQ'
    const tensor = tensorIn(load(`\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0K\x02\x85K\x01\x85tR.`))
    expect(tensor).toMatchObject({ storage: { key: '0', length: 2 ** 40 }, stored: 'F32', shape: [2], strides: [1] })
  })
})
