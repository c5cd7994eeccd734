/** A terminal, or whatever stands in its place: a file, a pipe, a test. */
export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Where a command writes: to `out` what it was asked for, to `err` all else, so that `out` can be piped. */
export interface Io {
  readonly out: Stream
  readonly err: Stream
}
