/** Long work that stops at every `yield` for others to have their turn. */
export type Sliced<T> = Generator<void, T, void>

/** Does it in one go. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

/** A turn of the event loop after this long: timers and frames of a page stay punctual. */
const SLICE_MILLISECONDS = 20

/** Does it in slices, between which timers, input and messages are served. */
export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  for (let begin = performance.now(); ; ) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() - begin < SLICE_MILLISECONDS) continue
    await new Promise((resolve) => setTimeout(resolve, 0))
    begin = performance.now()
  }
}
