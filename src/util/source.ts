import { dirname, join } from './path.ts'

/** Where in the user's code an equation was written: captured cheaply, formatted only when somebody looks. */
export interface SourceRef {
  /** `file:line:column`, or undefined when every frame is weft's own. */
  location(): string | undefined
}

const FRAMES = 40

/** weft's own folder, found from this file's URL; frames below it are not the user's. */
const OWN_ROOT = join(dirname(import.meta.url), '..')

/** Captures the present call stack. The stack is turned into text only by `location()`. */
export function captureSource(): SourceRef {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  const holder: { stack?: string } = {}
  Error.captureStackTrace?.(holder, captureSource)
  Error.stackTraceLimit = limit
  let found: string | undefined | null = null
  return {
    location() {
      if (found === null) {
        found = firstUserFrame(holder.stack ?? '')
        delete holder.stack
      }
      return found
    },
  }
}

/** The user's `file:line:column` for an error thrown right now. */
export const userLocation = (): string | undefined => captureSource().location()

/** A source reference with known text, as the parser of the text form makes. */
export const knownSource = (text: string): SourceRef => ({ location: () => text })

function firstUserFrame(stack: string): string | undefined {
  for (const line of stack.split('\n').slice(1)) {
    const m = /\(?((?:file:\/\/|https?:\/\/|\/|[A-Za-z]:\\)[^()]*):(\d+):(\d+)\)?$/.exec(line.trim())
    if (!m) continue
    const [, file, row, col] = m
    if (isOwn(file!) || file!.startsWith('node:')) continue
    return `${shorten(file!)}:${row}:${col}`
  }
  return undefined
}

const plain = (file: string): string => file.replace(/^file:\/\//, '').replace(/\?.*$/, '')
const isOwn = (file: string): boolean =>
  plain(file).startsWith(plain(OWN_ROOT) + '/') || file.includes('/node_modules/')

function shorten(file: string): string {
  const path = plain(file)
  const cwd = typeof process === 'undefined' ? '' : process.cwd() + '/'
  return cwd && path.startsWith(cwd) ? path.slice(cwd.length) : path
}
