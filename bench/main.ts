import { setFlagsFromString } from 'node:v8'
import { CommanderError } from 'commander'
import { ENGINE_FLAGS } from '../scripts/engine-flags.ts'
import { standardIo } from '../src/cli/io.ts'
import { errorText } from '../src/cli/report-error.ts'
import { benchCommand } from './command.ts'

/** Codes of commander's errors that are none. */
const SAID: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed'])

// The peak is measured in this process, with the engine that the others get.
for (const flag of ENGINE_FLAGS) setFlagsFromString(flag)

const io = standardIo()
try {
  await benchCommand(io).parseAsync(process.argv.slice(2), { from: 'user' })
} catch (cause) {
  if (!(cause instanceof CommanderError && SAID.has(cause.code))) {
    io.err.write(`${errorText(cause)}\n`)
    process.exitCode = 1
  }
}
