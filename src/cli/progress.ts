import { SingleBar } from 'cli-progress'

/** Where progress goes: a terminal gets a bar that is redrawn, anything else (a file, a pipe, CI) plain lines. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean }

export interface ProgressOptions {
  /** What is being done: `training`, `reading weights`. */
  readonly label: string
  /** Units of work in all: steps, bytes. */
  readonly total: number
  /** Units that were done before, as when a run is resumed; they count as done but not towards the speed. Default 0. */
  readonly start?: number
  /** Default stderr, so that what a command prints on stdout can be piped. */
  readonly stream?: ProgressStream
  /** A clock in milliseconds, for tests. */
  readonly now?: () => number
}

export interface Progress {
  /** Tells that `done` units are done in all; `note` is free text shown at the end of the line (kept until the next). */
  update(done: number, note?: string): void
  /** Ends the display, leaving its last state to see. Call it on failure too. */
  stop(): void
}

const LINE_EVERY_MS = 5000
const LINE_EVERY_SHARE = 0.1
const BAR_CELLS = 24

/** What there is to show at one moment. */
interface Reading {
  readonly done: number
  /** Of the whole, 0 to 1. */
  readonly share: number
  readonly percent: string
  /** `3m05s left`, `12s` once all is done, or '' while nothing tells the speed. */
  readonly time: string
  readonly note: string
}

interface Display {
  show(reading: Reading): void
  end(reading: Reading): void
}

/** Shows how far a task is: label, bar, percent, time left and a note. */
export function showProgress(options: ProgressOptions): Progress {
  const { total, start = 0, stream = process.stderr, now = () => performance.now() } = options
  const display = stream.isTTY ? bar(options, stream) : lines(options, stream, now)
  const began = now()
  const measure = (done: number, note: string): Reading => {
    const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 1
    const elapsed = (now() - began) / 1000
    const left = done > start ? `${formatDuration((elapsed * (total - done)) / (done - start))} left` : ''
    const time = share === 1 ? formatDuration(elapsed) : left
    return { done, share, percent: `${Math.floor(share * 100)}%`, time, note }
  }
  let latest = measure(start, '')
  let stopped = false
  display.show(latest)
  return {
    update(done, note = latest.note) {
      if (stopped) return
      latest = measure(done, note)
      display.show(latest)
    },
    stop() {
      if (stopped) return
      stopped = true
      display.end(latest)
    },
  }
}

function bar({ label, total }: ProgressOptions, stream: NodeJS.WritableStream): Display {
  const single = new SingleBar({
    stream,
    format: `${label} {bar} {percent} {time} {note}`,
    barsize: BAR_CELLS,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    gracefulExit: false, // the command decides what a signal does
    forceRedraw: true,
  })
  single.start(Math.max(1, total), 0, { percent: '', time: '', note: '' })
  const show = ({ share, percent, time, note }: Reading) => {
    single.update(share * Math.max(1, total), { percent, time, note })
  }
  return {
    show,
    end(reading) {
      show(reading)
      single.stop()
    },
  }
}

/** A line at the start, then one for every tenth done or every 5 s, whichever comes first, and one at the end. */
function lines({ label, total }: ProgressOptions, stream: NodeJS.WritableStream, now: () => number): Display {
  let shown: Reading | undefined
  let shownAt = 0
  const write = (reading: Reading): void => {
    const { done, percent, time, note } = reading
    stream.write(`${[`${label}: ${percent} (${done}/${total})`, time, note].filter(Boolean).join(', ')}\n`)
    shown = reading
    shownAt = now()
  }
  const tenths = (share: number): number => Math.floor(share / LINE_EVERY_SHARE + 1e-9)
  return {
    show(reading) {
      const due = !shown || tenths(reading.share) > tenths(shown.share) || now() - shownAt >= LINE_EVERY_MS
      if (due) write(reading)
    },
    end(reading) {
      if (reading !== shown) write(reading)
    },
  }
}

/** Seconds as `12s`, `3m05s` or `2h10m`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  const padded = (value: number): string => String(value).padStart(2, '0')
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${padded(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${padded(Math.floor((whole % 3600) / 60))}m`
}
