import { WORD } from './control.ts'

/**
 * How long a worker looks for something to do before it sleeps. Between calls long: a thread that was woken may share a
 * processor with the one that woke it for some milliseconds, until the system moves it, and the work of a call is done
 * before help comes. During a call little longer than waking takes: on a busy machine the one that works needs the time.
 */
const SPIN_MS = { betweenCalls: 2, betweenSteps: 0.2 }

/**
 * What a worker runs, as text: it must start in Node (`eval: true`), from a Blob on a page and under any bundler, none
 * of which find a file of TypeScript. The text before it (node-workers.ts, web-workers.ts) defines `receive`, `send`
 * and `clock`, milliseconds that agree between threads. What it is sent and sends is typed in worker-pool.ts; the
 * steps are those of flat-steps.ts.
 *
 * Workers take chunks of the present step. Whoever finishes its last chunk goes on in the program: it does small steps
 * by itself, then opens the next step that is worth sharing. So nobody waits for a worker that has no chunk, because
 * it sleeps or the system has given its processor to another process.
 */
export const WORKER_SOURCE = `
const WORD = ${JSON.stringify(WORD)}
let control, worker, memory, times
let mails = 0
const kernels = new Map()
const programs = new Map()

receive((mail) => {
  mails++
  if (mail.setup) ({ control, worker, memory } = mail.setup)
  if (mail.times) times = mail.times
  for (const { id, module } of mail.kernels) {
    kernels.set(id, new WebAssembly.Instance(module, { weft: { memory } }).exports.run)
  }
  for (const { id, steps } of mail.programs) programs.set(id, steps.map(prepare))
  for (const id of mail.forgotten) programs.delete(id)
  serve()
})

function prepare(step) {
  if (step.kind !== 'run') return step
  return { ...step, run: kernels.get(step.kernel), chunks: Math.ceil(step.pieces / step.chunk) }
}

/** Works and sleeps by turns; returns to the event loop when a message has to be taken. */
function serve() {
  for (;;) {
    const ticket = Atomics.load(control, WORD.ticket)
    if (Atomics.load(control, WORD.mailed) !== mails) return
    const left = ticket & 255
    if (left === 0) rest(ticket)
    else if (Atomics.compareExchange(control, WORD.ticket, ticket, ticket - 1) === ticket) work(left)
  }
}

function rest(ticket) {
  const spin = Atomics.load(control, WORD.running) === 1 ? ${SPIN_MS.betweenSteps} : ${SPIN_MS.betweenCalls}
  const until = clock() + spin
  do {
    for (let i = 0; i < 1000; i++) if (Atomics.load(control, WORD.ticket) !== ticket) return
  } while (clock() < until)
  Atomics.add(control, WORD.sleeping, 1)
  if (Atomics.load(control, WORD.mailed) === mails) Atomics.wait(control, WORD.ticket, ticket)
  Atomics.sub(control, WORD.sleeping, 1)
}

/** Does the chunk taken. Until it is counted as done, the words that describe the job stay as they are. */
function work(left) {
  const steps = programs.get(Atomics.load(control, WORD.program))
  const scratch = Atomics.load(control, WORD.scratch) + worker * Atomics.load(control, WORD.scratchStride)
  const at = Atomics.load(control, WORD.at)
  if (at < 0) return goOn(steps, at, scratch)
  const step = steps[at]
  const begin = (step.chunks - left) * step.chunk
  attempt(step, begin, Math.min(begin + step.chunk, step.pieces), scratch, at)
  if (Atomics.add(control, WORD.done, 1) + 1 === step.chunks) {
    endTime()
    goOn(steps, at, scratch)
  }
}

/** After the step at \`from\`, of which all is done: nobody else works on the job now. */
function goOn(steps, from, scratch) {
  Atomics.store(control, WORD.done, 0)
  for (let at = from + 1; at < steps.length && Atomics.load(control, WORD.failed) === 0; at++) {
    const step = steps[at]
    if (step.kind === 'loop') {
      if (step.count === 0) at = step.end
      else Atomics.store(control, WORD.rounds + step.depth, step.count)
    } else if (step.kind === 'repeat') {
      if (Atomics.sub(control, WORD.rounds + step.depth, 1) > 1) at = step.begin
    } else {
      beginTime(at)
      if (step.chunks > 1) return open(step, at)
      attempt(step, 0, step.pieces, scratch, at)
      endTime()
    }
  }
  Atomics.store(control, WORD.running, 0)
  send({ kind: 'done', failed: Atomics.load(control, WORD.failed) !== 0 })
}

function open(step, at) {
  Atomics.store(control, WORD.at, at)
  Atomics.store(control, WORD.ticket, (((Atomics.load(control, WORD.ticket) >> 8) + 1) << 8) | step.chunks)
  if (Atomics.load(control, WORD.sleeping) > 0) Atomics.notify(control, WORD.ticket, step.chunks - 1)
}

function attempt(step, begin, end, scratch, at) {
  if (Atomics.load(control, WORD.failed) !== 0) return
  try {
    step.run(step.args, begin, end, scratch)
  } catch (error) {
    Atomics.store(control, WORD.failed, 1)
    send({ kind: 'failed', at, message: String(error) })
  }
}

/** The position, begin and end of each step are three numbers; one step begins after the other has ended. */
function beginTime(at) {
  if (Atomics.load(control, WORD.timed) === 0) return
  const place = 3 * Atomics.load(control, WORD.timedSteps)
  times[place] = at
  times[place + 1] = clock()
}

function endTime() {
  if (Atomics.load(control, WORD.timed) === 1) times[3 * Atomics.add(control, WORD.timedSteps, 1) + 2] = clock()
}
`
