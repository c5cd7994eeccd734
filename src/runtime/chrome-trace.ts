import type { Device, KernelTime } from './device.ts'

/** A value to be written as JSON. */
export interface ChromeTrace {
  readonly displayTimeUnit: 'ns'
  readonly traceEvents: readonly {
    readonly name: string
    readonly ph: string
    readonly pid: number
    readonly tid: number
    readonly args: Readonly<Record<string, string | number>>
    readonly cat?: string
    readonly ts?: number
    readonly dur?: number
  }[]
}

/**
 * Kernel times in Chrome's trace format; written as JSON to a file, chrome://tracing and ui.perfetto.dev open it.
 * `process` names the row,
 * and the device's kind the thread.
 */
export function chromeTrace(times: readonly KernelTime[], kind: Device['kind'], process = 'weft'): ChromeTrace {
  const thread = { pid: 1, tid: 1 }
  const names = [
    { name: 'process_name', ph: 'M', ...thread, args: { name: process } },
    { name: 'thread_name', ph: 'M', ...thread, args: { name: kind } },
  ]
  const events = times.map((t) => ({
    name: t.label,
    cat: t.kernel,
    ph: 'X',
    ...thread,
    // The format counts in microseconds.
    ts: t.start / 1000,
    dur: t.nanoseconds / 1000,
    args: { kernel: t.kernel, flops: t.flops, bytes: t.bytes, ...rates(t) },
  }))
  return { displayTimeUnit: 'ns', traceEvents: [...names, ...events] }
}

/** One operation, or byte, per nanosecond is a billion per second. */
function rates({ flops, bytes, nanoseconds }: KernelTime): Record<string, number> {
  if (nanoseconds === 0) return {}
  const round = (value: number): number => Number(value.toPrecision(4))
  return {
    ...(flops > 0 ? { 'GFLOP/s': round(flops / nanoseconds) } : {}),
    ...(bytes > 0 ? { 'GB/s': round(bytes / nanoseconds) } : {}),
  }
}
