/** A terminal, or whatever stands in its place: a file, a pipe, a test. */
export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Where a command writes: to `out` what it was asked for, to `err` all else, so that `out` can be piped. */
export interface Io {
  readonly out: Stream
  readonly err: Stream
}

/** The process's own streams. A reader that has enough (`weft ... | head`) ends the process, which is no failure. */
export function standardIo(): Io {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return { out: process.stdout, err: process.stderr }
}
