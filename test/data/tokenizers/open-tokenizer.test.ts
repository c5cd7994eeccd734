import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { saveTokenizer } from '../../../src/data/tokenizer-file.ts'
import { openTokenizer } from '../../../src/data/tokenizers/open-tokenizer.ts'
import { WordTokenizer } from '../../../src/data/word-tokenizer.ts'
import { FileError, UnsupportedError } from '../../../src/util/errors.ts'
import { ggufBytes, i32s, text, texts, u32 } from '../gguf-bytes.ts'
import { tokenizerBytes } from '../llama2c-bytes.ts'
import { llamaJson, modelProto, SMALL } from './small-vocabulary.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-open-'))
afterAll(() => rmSync(root, { recursive: true }))

let folders = 0
/** A new folder with these files; what is no text or bytes is written as JSON. */
function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) {
    const raw = typeof content === 'string' || content instanceof Uint8Array
    writeFileSync(join(folder, name), raw ? content : JSON.stringify(content))
  }
  return folder
}

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname

describe('tokenizers by name', () => {
  it('llama-2 agrees with the vectors of llama.cpp', async () => {
    const tokenizer = await openTokenizer('llama-2')
    expect(tokenizer).toMatchObject({ vocabSize: 32000, bosId: 1, eosId: 2, padId: undefined, addsBos: true })
    // A line of its own stands between the texts, and after the last.
    const texts = readFileSync(`${FIXTURES}llama2-spm.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1)
    const expected = readFileSync(`${FIXTURES}llama2-spm.out`, 'utf8').split('\n').slice(0, -1)
    expect(expected).toHaveLength(46)
    expect(texts.map((text) => tokenizer.encode(text).join(' '))).toEqual(expected.map((line) => line.trim()))
    for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  it('llama-3 cuts and joins text as its authors do', async () => {
    const tokenizer = await openTokenizer('llama-3')
    expect(tokenizer).toMatchObject({ vocabSize: 128256, bosId: 128000, eosId: 128001, addsBos: true })
    expect(tokenizer.encode('This is a test', { bos: true })).toEqual([128000, 2028, 374, 264, 1296])
    expect(tokenizer.encode('<|eot_id|>hi', { special: true })).toEqual([128009, 6151])
    expect(tokenizer.encode('<|eot_id|>hi')).not.toContain(128009)
    for (const text of ["We'Ve 123456  x\n\n\t y", 'naïve 日本語 \u{1f600}']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }
  })
})

describe('tokenizers in files and folders', () => {
  it('opens each kind from its file or its folder', async () => {
    const words = folderOf({})
    saveTokenizer(new WordTokenizer(['fox']), join(words, 'tokenizer.json'))
    const kinds = [
      [words, 'tokenizer.json', 261],
      [folderOf({ 'tokenizer.json': llamaJson() }), 'tokenizer.json', SMALL.tokens.length],
      [folderOf({ 'tokenizer.model': modelProto(SMALL) }), 'tokenizer.model', SMALL.tokens.length],
      [folderOf({ 'tok7.bin': tokenizerBytes(['a', 'b']), 'pytorch_model.bin': 'x' }), 'tok7.bin', 261],
    ] as const
    for (const [folder, file, size] of kinds) {
      expect((await openTokenizer(folder)).vocabSize).toBe(size)
      expect((await openTokenizer(join(folder, file))).vocabSize).toBe(size)
    }
  })

  it('prefers tokenizer.json', async () => {
    const both = folderOf({ 'tokenizer.json': llamaJson(), 'tokenizer.model': 'not read' })
    expect((await openTokenizer(both)).bosId).toBe(1)
  })

  it('follows the files beside it', async () => {
    const config = { eos_token: { content: '</s>' }, pad_token: null, add_bos_token: false }
    const map = { bos_token: '<s>', eos_token: '<unk>', pad_token: { content: '<unk>' } }
    const beside = { 'tokenizer_config.json': config, 'special_tokens_map.json': map }
    for (const file of [{ 'tokenizer.json': llamaJson() }, { 'tokenizer.model': modelProto(SMALL) }]) {
      const tokenizer = await openTokenizer(folderOf({ ...file, ...beside }))
      expect(tokenizer).toMatchObject({ bosId: 1, eosId: 2, padId: 0, addsBos: false })
    }
  })

  it('has the tokens that were added to a tokenizer.model', async () => {
    const added = { '<image>': SMALL.tokens.length }
    const folder = folderOf({ 'tokenizer.model': modelProto(SMALL), 'added_tokens.json': added })
    const tokenizer = await openTokenizer(folder)
    expect([tokenizer.vocabSize, tokenizer.specialId('<image>')]).toEqual([277, 276])
  })

  it('says which token of the files beside it is not in the vocabulary', async () => {
    const folder = folderOf({ 'tokenizer.json': llamaJson(), 'tokenizer_config.json': { eos_token: '<|end|>' } })
    await expect(openTokenizer(folder)).rejects.toThrow('its eos_token "<|end|>" is not in the vocabulary')
  })
})

describe('a GGUF file', () => {
  it('gives its tokenizer whatever model it is of', async () => {
    const tokens = ['a', 'b', 'ab', '<end>']
    const bytes = ggufBytes({
      metadata: [
        ['general.architecture', text('qwen2')],
        ['tokenizer.ggml.model', text('gpt2')],
        ['tokenizer.ggml.pre', text('qwen2')],
        ['tokenizer.ggml.tokens', texts(tokens)],
        ['tokenizer.ggml.token_type', i32s([1, 1, 1, 3])],
        ['tokenizer.ggml.merges', texts(['a b'])],
        ['tokenizer.ggml.eos_token_id', u32(3)],
      ],
      tensors: [{ name: 'of a type that weft does not read', sizes: [256], type: 18, data: new Uint8Array(98) }],
    })
    const tokenizer = await openTokenizer(join(folderOf({ 'model.gguf': bytes }), 'model.gguf'))
    expect(tokenizer.encode('aba<end>', { special: true })).toEqual([2, 0, 3])
    expect(tokenizer.eosId).toBe(3)
  })
})

describe('what is no tokenizer', () => {
  const cases: [name: string, path: () => string, error: RegExp][] = [
    ['nothing', () => 'lama-2', /no such file or folder.*\n.*did you mean llama-2\?/],
    ['a folder without one', () => folderOf({ 'model.bin': '' }), /no tokenizer in this folder/],
    ['a folder with several', () => folderOf({ 'tok1.bin': '', 'tok2.bin': '' }), /several tokenizers/],
    ['another file', () => join(folderOf({ 'a.txt': 'a' }), 'a.txt'), /a.txt does not tell what tokenizer it is/],
    ['JSON cut short', () => folderOf({ 'tokenizer.json': '{"model": {' }), /not JSON/],
    ['deep JSON', () => folderOf({ 'tokenizer.json': '['.repeat(1e6) }), /not JSON/],
    ['bytes', () => folderOf({ 'tokenizer.json': Uint8Array.of(0x7b, 0xff) }), /not JSON/],
    ['other JSON', () => folderOf({ 'tokenizer.json': { a: 1 } }), /not a tokenizer.json: it has no model/],
    ['a list', () => folderOf({ 'tokenizer.json': [1] }), /it is no object/],
    ['no merges', () => folderOf({ 'tokenizer.json': { model: { vocab: { a: 0 } } } }), /model.merges/],
    ['a merge of numbers', () => folderOf({ 'tokenizer.json': { model: { vocab: {}, merges: [[1, 2]] } } }), /merges/],
    ['an id of nonsense', () => folderOf({ 'tokenizer.json': { model: { vocab: { a: 4e9 } } } }), /the id of "a"/],
    [
      'an unknown pre-tokenizer',
      () => folderOf({ 'tokenizer.json': { ...llamaJson(), pre_tokenizer: { type: 'Oracle' } } }),
      /not a tokenizer.json: Unknown PreTokenizer type: Oracle/,
    ],
    [
      'words of nonsense',
      () => folderOf({ 'tokenizer.json': { format: 'weft-word-tokenizer-1', pieces: ['a', 'a'] } }),
      /stands twice/,
    ],
    ['an empty model', () => folderOf({ 'tokenizer.model': '' }), /not a SentencePiece model: it has no pieces/],
    [
      'what Git LFS leaves in its place',
      () => folderOf({ 'tokenizer.model': 'version https://git-lfs.github.com/spec/v1' }),
      /a pointer of Git LFS/,
    ],
    ['text of another kind', () => folderOf({ 'tokenizer.model': 'version 1' }), /not a SentencePiece model/],
    ['half a model', () => folderOf({ 'tokenizer.model': modelProto(SMALL).slice(0, 2003) }), /runs past the end/],
    ['a field of 2 GB', () => folderOf({ 'tokenizer.model': Uint8Array.of(10, 255, 255, 255, 255, 7) }), /runs past/],
    [
      'half a vocabulary',
      () => folderOf({ 'tokenizer.bin': tokenizerBytes(['a']).slice(0, 99) }),
      /llama2.c tokenizer/,
    ],
  ]
  it.each(cases)('%s', async (_, path, message) => {
    const where = path()
    await expect(openTokenizer(where)).rejects.toThrow(FileError)
    await expect(openTokenizer(where)).rejects.toThrow(message)
  })

  it('a kind that weft does not read is said to be such', async () => {
    const wordPiece = folderOf({ 'tokenizer.json': { model: { type: 'WordPiece', vocab: {} } } })
    await expect(openTokenizer(wordPiece)).rejects.toThrow(UnsupportedError)
    const decoder = folderOf({ 'tokenizer.json': { ...llamaJson(), decoder: { type: 'CTC' } } })
    await expect(openTokenizer(decoder)).rejects.toThrow('a tokenizer.json with the decoder CTC')
    const doubling = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' }
    const steps = { type: 'Sequence', decoders: Array.from({ length: 40 }, () => doubling) }
    const endless = folderOf({ 'tokenizer.json': { ...llamaJson(), decoder: steps } })
    await expect(openTokenizer(endless)).rejects.toThrow('decodes "a" as "aa", which is longer')
  })

  it('a tokenizer.model with any bytes changed is opened or refused, and the process lives', async () => {
    const good = modelProto(SMALL)
    const path = join(folderOf({}), 'tokenizer.model')
    const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) })
    const property = fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.nat(40),
      async (edits, cut) => {
        const bytes = good.slice(0, good.length - cut)
        for (const { at, byte } of edits) bytes[Math.min(at, bytes.length - 1)] = byte
        writeFileSync(path, bytes)
        try {
          expect((await openTokenizer(path)).encode('the cab').length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(FileError)
        }
      },
    )
    await fc.assert(property, { numRuns: 60 })
    expect(process.exitCode).toBeUndefined()
  })
})
