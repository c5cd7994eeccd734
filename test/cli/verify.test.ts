import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import type { HostArray } from '../../src/ir/dtype.ts'
import { run } from './run.ts'

const FIXTURE = new URL('../fixtures/projection-baseline.safetensors', import.meta.url).pathname

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-verify-'))
})

/** The fixture with something changed. */
async function changed(
  name: string,
  change: (tensors: Map<string, HostArray>, metadata: Record<string, string>) => void,
): Promise<string> {
  const { tensors, metadata } = await readSafetensors(FIXTURE)
  change(tensors, metadata)
  await writeSafetensors(join(folder, name), tensors, metadata)
  return join(folder, name)
}

const verify = (...files: readonly string[]) => run('verify', '--device', 'reference', ...files)

describe('weft verify', () => {
  it('shows every output and gradient with its error and tolerance', async () => {
    const { code, out, err } = await verify(FIXTURE)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const line = (what: string) => new RegExp(`^ {2}${what} +\\d\\.\\de[-+]\\d+ +1\\.0e-[34]  ok$`, 'm')
    expect(out).toMatch(line('output +output'))
    for (const name of ['weight', 'bias']) expect(out).toMatch(line(`gradient +[\\w.]*${name}`))
    expect(out).toMatch(/1 of 1 file agrees\n$/)
  })

  it('fails where a number is over tolerance, and says which', async () => {
    const file = await changed('wrong.safetensors', (tensors) => {
      tensors.get('output')!.data[3]! += 1
    })
    const { code, out, err } = await verify(file, FIXTURE)
    expect(code).toBe(1)
    expect(out).toMatch(/^ {2}output +output .* OVER$/m)
    expect(out).toMatch(/1 of 2 files agree, 1 over tolerance\n$/)
    expect(err).toBe('error: verify: 1 over tolerance\n')
  })

  it('fails on a NaN, in what is expected or what is got', async () => {
    const expected = await changed('nan.safetensors', (tensors) => {
      tensors.get('output')!.data[3] = Number.NaN
    })
    const got = await changed('nan-in.safetensors', (tensors) => {
      tensors.get('features')!.data[0] = Number.NaN
    })
    const { code, out } = await verify(expected, got)
    expect(code).toBe(1)
    expect(out).toMatch(/0 of 2 files agree, 2 over tolerance\n$/)
  })

  it('goes on after a file that is missing, cut short or of an unknown kind, and sums up', async () => {
    const cut = join(folder, 'cut.safetensors')
    await writeFile(cut, (await readFile(FIXTURE)).subarray(0, 2000))
    const unknown = await changed('unknown.safetensors', (_, metadata) => {
      metadata['kind'] = 'gpt-7'
    })
    const missing = join(folder, 'missing.safetensors')
    const { code, out, err } = await verify(missing, cut, unknown, FIXTURE)
    expect(code).toBe(1)
    expect(err).toContain(`${missing}: no such file or folder`)
    expect(err).toMatch(/cut\.safetensors: /)
    expect(err).toContain('verify: a fixture of kind "gpt-7"\n  hint: kinds: llama, clip-vision')
    expect(err).not.toMatch(/\n {4}at /)
    expect(out).toMatch(/1 of 4 files agree, 3 could not be checked\n$/)
  })

  it('does not call it agreement when a file expects nothing', async () => {
    const file = await changed('nothing.safetensors', (tensors) => {
      for (const name of [...tensors.keys()]) if (/^(grad\.|output$)/.test(name)) tensors.delete(name)
    })
    const { code, err } = await verify(file)
    expect(code).toBe(1)
    expect(err).toContain('holds no expected output or gradient')
  })
})
