#!/usr/bin/env node
// The command line from source: tsx compiles what is imported, in this very process, so signals, stdin and exit codes
// are the program's own and nothing need be built after `npm ci`.
import { setFlagsFromString } from 'node:v8'
import { register } from 'tsx/esm/api'

register()

// Before anything that compiles WebAssembly is imported.
const { ENGINE_FLAGS } = await import('../scripts/engine-flags.ts')
for (const flag of ENGINE_FLAGS) setFlagsFromString(flag)

const { main } = await import('../src/cli/main.ts')

/** `main(args)` runs one command and resolves to the exit code. */
const code = await main(process.argv.slice(2))

// Dawn keeps the process alive, so the exit is on purpose, once what was written to a pipe has left.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
