import { describe, expect, it } from 'vitest'
import { run } from './run.ts'

describe('weft', () => {
  it('lists its commands', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    for (const command of ['demo', 'verify', 'generate', 'tokenize', 'tune', 'image'])
      expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  it.each(['demo', 'verify', 'generate', 'tune'])('%s --help tells the flags', async (command) => {
    const { code, out, err } = await run(command, '--help')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('--device <name>')
    expect(out).toContain(`Usage: weft ${command} [options]`)
  })

  it('prints the version', async () => {
    const { code, out } = await run('--version')
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it('without a command shows help as an error', async () => {
    const { code, out, err } = await run()
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('Commands:')
    expect(err).not.toContain('error')
  })

  it.each([
    [['verfy', 'x'], "error: unknown command 'verfy'\n  hint: did you mean verify?\n"],
    [['verify', '--divice', 'x', 'y'], "error: unknown option '--divice'\n  hint: did you mean --device?\n"],
    [
      ['verify', '--device', 'webgp', 'x'],
      'error: --device webgp: not one of auto, webgpu, wasm, reference\n  hint: did you mean webgpu?\n',
    ],
    [['tune', '8x8'], 'error: tune 8x8: not a product\n  hint: MxKxN, such as 128x256x512, or BxMxKxN\n'],
    [
      ['tune', '--device', 'reference'],
      'error: tune: only products on WebGPU in Node have tilings to choose from\n  hint: weft tune --device webgpu\n',
    ],
    [['verify'], "error: missing required argument 'file'\n"],
    [['generate'], "error: required option '-m, --model <path>' not specified\n"],
    [['generate', '--model', 'm'], 'error: m: no such file or folder\n'],
    [
      ['generate', '--weights', 'int3'],
      'error: --weights int3: not one of f32, f16, int8, int4, stored\n  hint: did you mean int8?\n',
    ],
    [['generate', '--steps', '1.5'], 'error: --steps 1.5: not a whole number of 1 or more\n'],
    [['generate', '--temperature', 'warm'], 'error: --temperature warm: not a number of 0 or more\n'],
    [['generate', '--top-p', '2'], 'error: --top-p 2: not a number from 0 to 1\n'],
  ])('%j is an error that says what to do', async (args, message) => {
    expect(await run(...args)).toEqual({ code: 1, out: '', err: message })
  })
})
