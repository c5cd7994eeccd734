import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { closeDevices } from '../runtime/registry.ts'
import { type Io, standardIo } from './io.ts'
import { errorText } from './report-error.ts'

/** Adds one command to the program. */
type Register = (program: Command, io: Io) => void

/** Imported when they are needed: what one command loads does not slow down the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  demo: async () => (await import('./demo/command.ts')).registerDemo,
  plan: async () => (await import('./plan.ts')).registerPlan,
  tune: async () => (await import('./tune.ts')).registerTune,
  generate: async () => (await import('./generate/command.ts')).registerGenerate,
  tokenize: async () => (await import('./tokenize.ts')).registerTokenize,
  verify: async () => (await import('./verify.ts')).registerVerify,
  image: async () => (await import('./image.ts')).registerImage,
}

/** Codes of commander's errors that are none. */
const SAID: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version'])

/**
 * Runs one command of `weft`; resolves to the exit code. Errors are printed, not thrown. Every device is closed at the
 * end.
 */
export async function main(args: readonly string[], io: Io = standardIo()): Promise<number> {
  try {
    const program = newProgram(io)
    for (const load of wanted(args)) (await load())(program, io)
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (cause) {
    // So --help and --version end, and a call without a command; what there is to say was said.
    if (cause instanceof CommanderError && SAID.has(cause.code)) return cause.exitCode
    io.err.write(`${errorText(cause)}\n`)
    return 1
  } finally {
    closeDevices()
  }
}

/** The command that is asked for; all of them where the help lists them, or a misspelt name may have meant any. */
function wanted(args: readonly string[]): (() => Promise<Register>)[] {
  const name = args.find((arg) => !arg.startsWith('-'))
  const one = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return one ? [one] : Object.values(COMMANDS)
}

function newProgram(io: Io): Command {
  return new Command('weft')
    .description('A functional tensor language and its compiler to WebGPU and WebAssembly.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .exitOverride() // subcommands take over these two, so they are set before any is added
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: () => {}, // `main` prints every error, in one form
    })
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '?'
}
