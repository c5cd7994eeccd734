import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { formatDuration, type ProgressStream, showProgress } from '../../src/cli/progress.ts'

const text = (stream: PassThrough): string => String(stream.read() ?? '')

describe('on a pipe', () => {
  function piped(total: number, start?: number) {
    const stream = new PassThrough()
    const clock = { ms: 0 }
    const progress = showProgress({
      label: 'training',
      total,
      stream,
      now: () => clock.ms,
      ...(start ? { start } : {}),
    })
    return { progress, clock, output: () => text(stream).split('\n').slice(0, -1) }
  }

  it('writes a line for every tenth, with the time left and the note', () => {
    const { progress, clock, output } = piped(200)
    for (let step = 1; step <= 200; step++) {
      clock.ms += 10
      progress.update(step, `loss ${step}`)
    }
    progress.stop()
    const written = output()
    expect(written).toHaveLength(11)
    expect(written[0]).toBe('training: 0% (0/200)')
    expect(written[5]).toBe('training: 50% (100/200), 1s left, loss 100')
    expect(written[10]).toBe('training: 100% (200/200), 2s, loss 200')
  })

  it('writes every 5 s when a tenth takes longer, and the last state on stop', () => {
    const { progress, clock, output } = piped(1000)
    for (let step = 1; step <= 12; step++) {
      clock.ms += 1000
      progress.update(step)
    }
    progress.stop()
    progress.stop()
    progress.update(13)
    expect(output()).toEqual([
      'training: 0% (0/1000)',
      'training: 0% (5/1000), 16m35s left',
      'training: 1% (10/1000), 16m30s left',
      'training: 1% (12/1000), 16m28s left',
    ])
  })

  it('counts only its own work towards the speed of a resumed run', () => {
    const { progress, clock, output } = piped(100, 90)
    clock.ms = 5000
    progress.update(95)
    expect(output()).toEqual(['training: 90% (90/100)', 'training: 95% (95/100), 5s left'])
  })

  it('takes a task of nothing for done', () => {
    const { progress, output } = piped(0)
    progress.stop()
    expect(output()).toEqual(['training: 100% (0/0), 0s'])
  })
})

describe('on a terminal', () => {
  it('draws label, bar, percent, time left and note, and ends with a line feed', () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100 }) satisfies ProgressStream
    const clock = { ms: 0 }
    const progress = showProgress({ label: 'training', total: 4, stream, now: () => clock.ms })
    clock.ms = 30_000
    progress.update(2, 'loss 1.5')
    progress.stop()
    const drawn = text(stream)
    expect(drawn).toContain(`training ${'█'.repeat(12)}${'░'.repeat(12)} 50% 30s left loss 1.5`)
    expect(drawn.endsWith('\n')).toBe(true)
  })
})

it.each([
  [0.4, '0s'],
  [59.4, '59s'],
  [59.6, '1m00s'],
  [185, '3m05s'],
  [7830, '2h10m'],
])('formats %d seconds as %s', (seconds, expected) => expect(formatDuration(seconds)).toBe(expected))
