import { CommanderError } from 'commander'
import { WeftError } from '../util/errors.ts'

/** What a person is told of an error: its message; with WEFT_DEBUG set, where it came from as well. */
export function errorText(cause: unknown): string {
  if (!(cause instanceof Error)) return `error: ${String(cause)}`
  if (process.env['WEFT_DEBUG'] && cause.stack) return cause.stack
  if (cause instanceof CommanderError) return usageText(cause.message)
  if (cause instanceof WeftError) return `error: ${cause.message}`
  return `error: ${cause.name}: ${cause.message}\n  hint: this is a fault of weft itself; WEFT_DEBUG=1 shows where it arose`
}

/** Commander's message in the form of weft's own: the suggestion as a hint. */
function usageText(message: string): string {
  const [problem, suggestion] = message.split('\n')
  const hint = suggestion ? `\n  hint: ${suggestion.replace(/^\(D(.*)\)$/, 'd$1')}` : ''
  return `${problem}${hint}`
}
