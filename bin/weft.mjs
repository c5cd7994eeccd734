#!/usr/bin/env node
// The command line from source: tsx compiles what is imported, in this very process, so signals, stdin and exit codes
// are the program's own and nothing need be built after `npm ci`.
import { register } from 'tsx/esm/api'

register()
const { main } = await import('../src/cli/main.ts')

/** `main(args)` runs one command and resolves to the exit code. */
const code = await main(process.argv.slice(2))

// Dawn keeps the process alive, so the exit is on purpose, once what was written to a pipe has left.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
