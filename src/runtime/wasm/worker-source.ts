import { WORD, WORDS_PER_BELL } from './control.ts'

/** Barriers are mostly short: a worker looks this often before it sleeps, some 20 microseconds. */
const SPINS = 8000

/**
 * What a worker runs, as text: it must start in Node (`eval: true`), from a Blob on a page and under any bundler, none
 * of which find a file of TypeScript. The text before it (node-workers.ts, web-workers.ts) defines `receive` and
 * `send`. What it is sent and sends is typed in worker-pool.ts; the steps are those of flat-steps.ts.
 *
 * All workers of a job walk through the same steps. Those marked `alone` are worker 0's; of others each worker takes
 * chunks until none is left. Between a shared step and whatever touches memory before or after it lies a barrier.
 */
export const WORKER_SOURCE = `
const WORD = ${JSON.stringify(WORD)}
let control, worker, workers, memory, bell
let mails = 0
let jobs = 0
const kernels = new Map()
const programs = new Map()

receive((mail) => {
  mails++
  if (mail.setup) {
    ({ control, worker, workers, memory } = mail.setup)
    bell = WORD.firstBell + ${WORDS_PER_BELL} * worker
  }
  for (const { id, module } of mail.kernels) {
    kernels.set(id, new WebAssembly.Instance(module, { weft: { memory } }).exports.run)
  }
  for (const { id, steps } of mail.programs) {
    programs.set(id, steps.map((step) => (step.kind === 'run' ? { ...step, run: kernels.get(step.kernel) } : step)))
  }
  for (const id of mail.forgotten) programs.delete(id)
  serve()
})

/** Sleeps and works by turns; returns to the event loop when a message has to be taken. */
function serve() {
  for (;;) {
    const rung = Atomics.load(control, bell)
    if (Atomics.load(control, WORD.mailed) !== mails) return
    const given = Atomics.load(control, bell + 1)
    if (given === jobs) Atomics.wait(control, bell, rung)
    else {
      jobs = given
      play()
    }
  }
}

function play() {
  const steps = programs.get(Atomics.load(control, WORD.program))
  const stride = Atomics.load(control, WORD.scratchStride)
  const scratch = Atomics.load(control, WORD.scratch) + worker * stride
  const timed = worker === 0 && Atomics.load(control, WORD.timed) === 1
  const times = []
  const rounds = []
  let aloneBefore = false
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]
    if (step.kind === 'loop') {
      if (step.count === 0) at = step.end
      else rounds.push(step.count)
    } else if (step.kind === 'repeat') {
      if (--rounds[rounds.length - 1] > 0) at = step.begin
      else rounds.pop()
    } else if (step.alone) {
      aloneBefore = true
      if (worker !== 0 || Atomics.load(control, WORD.failed) !== 0) continue
      const begin = timed ? performance.now() : 0
      attempt(step, 0, step.pieces, scratch, at)
      if (timed) times.push(at, begin, performance.now())
    } else {
      if (aloneBefore && barrier()) break
      aloneBefore = false
      const begin = timed ? performance.now() : 0
      share(step, scratch, at)
      const stop = barrier()
      if (timed) times.push(at, begin, performance.now())
      if (stop) break
    }
  }
  if (worker === 0) send({ kind: 'done', failed: Atomics.load(control, WORD.failed) !== 0, times })
}

/** Does chunks of a step as long as there are any. */
function share(step, scratch, at) {
  const { pieces, chunk } = step
  while (Atomics.load(control, WORD.failed) === 0) {
    const begin = Atomics.add(control, WORD.next, 1) * chunk
    if (begin >= pieces) return
    attempt(step, begin, Math.min(begin + chunk, pieces), scratch, at)
  }
}

function attempt(step, begin, end, scratch, at) {
  try {
    step.run(step.args, begin, end, scratch)
  } catch (error) {
    Atomics.store(control, WORD.failed, 1)
    send({ kind: 'failed', at, message: String(error) })
  }
}

/**
 * Waits until all workers are here, and says whether the job failed and ends. The last to come decides that for all:
 * one that went on might fail before another has looked.
 */
function barrier() {
  const generation = Atomics.load(control, WORD.generation)
  if (Atomics.add(control, WORD.arrived, 1) === workers - 1) {
    const stop = Atomics.load(control, WORD.failed)
    Atomics.store(control, WORD.arrived, 0)
    Atomics.store(control, WORD.next, 0)
    Atomics.store(control, WORD.generation, ((generation | 1) + 1 + stop) | 0)
    if (Atomics.load(control, WORD.sleeping) > 0) Atomics.notify(control, WORD.generation)
    return stop === 1
  }
  for (let i = 0; i < ${SPINS}; i++) {
    const now = Atomics.load(control, WORD.generation)
    if (now !== generation) return (now & 1) === 1
  }
  Atomics.add(control, WORD.sleeping, 1)
  while (Atomics.load(control, WORD.generation) === generation) Atomics.wait(control, WORD.generation, generation)
  Atomics.sub(control, WORD.sleeping, 1)
  return (Atomics.load(control, WORD.generation) & 1) === 1
}
`
