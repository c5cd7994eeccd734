import { readFile } from 'node:fs/promises'
import { FileError } from '../util/errors.ts'

/** A terminal, or whatever stands in its place: a file, a pipe, a test. */
export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Where a command writes: to `out` what it was asked for, to `err` all else, so that `out` can be piped. */
export interface Io {
  readonly out: Stream
  readonly err: Stream
  /** What is piped in; the process's standard input unless given. */
  readonly in?: AsyncIterable<Uint8Array>
}

/** The process's own streams. A reader that has enough (`weft ... | head`) ends the process, which is no failure. */
export function standardIo(): Io {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return { out: process.stdout, err: process.stderr }
}

/** All bytes of a file, or of what is piped in. @throws FileError for a file that cannot be read. */
export async function readInput(file: string | undefined, io: Io): Promise<Uint8Array> {
  if (file === undefined) {
    const chunks: Uint8Array[] = []
    for await (const chunk of io.in ?? process.stdin) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  try {
    return await readFile(file)
  } catch (cause) {
    throw new FileError(`cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
