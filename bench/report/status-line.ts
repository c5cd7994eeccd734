import type { Stream } from '../../src/cli/io.ts'

export interface StatusLine {
  show(text: string): void
  /** Clears the line. */
  end(): void
}

/** What is being done now: one line that is overwritten on a terminal, elsewhere a line for each new subject. */
export function statusLine(stream: Stream): StatusLine {
  let shown = ''
  if (stream.isTTY) {
    const write = (text: string): void => {
      if (text !== shown) stream.write(`\r\x1b[K${text}`)
      shown = text
    }
    return { show: write, end: () => write('') }
  }
  return {
    show(text) {
      // Rounds are counted in place on a terminal; in a file that would be a line each.
      const subject = text.replace(/: round \d+$/, ': running')
      if (subject !== shown) stream.write(`${subject}\n`)
      shown = subject
    },
    end() {},
  }
}
