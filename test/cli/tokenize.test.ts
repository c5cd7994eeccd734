import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-tokenize-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** `weft tokenize` with a text piped in. */
async function tokenize(input: string | Uint8Array, ...flags: string[]) {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  const code = await main(['tokenize', '-z', 'llama-2', ...flags], { out, err, in: Readable.from([bytes]) })
  return { code, out: String(out.read() ?? ''), err: String(err.read() ?? '') }
}

const printed = (out: string) => ({ code: 0, out, err: '' })

describe('weft tokenize', () => {
  it('prints the ids of its input, to the byte', async () => {
    expect(await tokenize('Hello world')).toEqual(printed('1 15043 3186\n'))
    expect(await tokenize('Hello world\n', '--no-bos')).toEqual(printed('15043 3186 13\n'))
    expect(await tokenize('', '--no-bos')).toEqual(printed('\n'))
  })

  it('agrees with the vectors of llama.cpp', async () => {
    const read = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')
    const texts = read('llama2-spm.inp').split('\n__ggml_vocab_test__\n').slice(0, -1)
    const expected = read('llama2-spm.out').split('\n').slice(0, -1)
    for (const [i, text] of texts.entries()) {
      expect((await tokenize(text, '--no-bos')).out).toBe(`${expected[i]!.trim()}\n`)
    }
  })

  it('reads a file', async () => {
    const file = join(folder, 'text')
    writeFileSync(file, 'Hello')
    expect(await tokenize('', '--no-bos', file)).toEqual(printed('15043\n'))
    expect((await tokenize('', join(folder, 'none'))).err).toContain('error: cannot read ')
  })

  it('prints the pieces beside the ids', async () => {
    expect((await tokenize('a\n"', '--pieces')).out).toBe('1\t"<s>"\n263\t"▁a"\n13\t"<0x0A>"\n29908\t"\\""\n')
  })

  it('takes names of special tokens for them, or for text', async () => {
    expect((await tokenize('</s>', '--no-bos')).out).toBe('2\n')
    expect((await tokenize('</s>', '--no-bos', '--no-special')).out).not.toBe('2\n')
  })

  it('decodes what it printed', async () => {
    for (const text of ['Hello world\n', '  two </s> \u{1f600}', '']) {
      expect((await tokenize((await tokenize(text)).out, '--decode')).out).toBe(text)
    }
    expect((await tokenize('[15043, 3186, 2]', '--decode')).out).toBe('Hello world</s>')
    expect((await tokenize('15043 3186 2', '--decode', '--no-special')).out).toBe('Hello world')
    expect((await tokenize('13', '--decode', '--pieces')).out).toBe('13\t"<0x0A>"\n')
  })

  it.each([
    ['x', ['--decode'], 'tokenize --decode: "x" is no token id'],
    ['32000', ['--decode'], 'token id 32000'],
    [Uint8Array.of(0xff), [], 'standard input is not text in UTF-8'],
    ['x', ['-z', 'lama-2'], 'did you mean llama-2?'],
  ])('%j with %j is an error', async (input, flags, message) => {
    const { code, out, err } = await tokenize(input, ...flags)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain(message)
  })
})
