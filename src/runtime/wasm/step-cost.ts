/** Of one thread, cautiously: a kernel of few operations per byte, and memory that other threads use as well. */
const FLOPS_PER_MICROSECOND = 4000
const BYTES_PER_MICROSECOND = 6000

/** Steps of less are not worth the microseconds that it takes to hand out chunks and to wait for the last. */
const SMALL_MICROSECONDS = 12
/**
 * Programs of less are done on the main thread: to wake workers and to hear from them takes as long as they would save,
 * and a page does not notice a millisecond.
 */
export const SMALL_PROGRAM_MICROSECONDS = 1000
const LEAST_CHUNK_MICROSECONDS = 10
/** So that a thread which the system takes away, or which got the dear pieces, does not hold up the others for long. */
const CHUNKS_PER_WORKER = 4

/** What a step takes one thread, roughly; 0 if the compiler counted nothing. */
export const microsecondsOf = (flops: number, bytes: number): number =>
  flops / FLOPS_PER_MICROSECOND + bytes / BYTES_PER_MICROSECOND

/**
 * The pieces that are done at a time: all of them where little is to do. Without workers, the least
 * that is worth a look at the clock. What was not counted may be large.
 */
export function piecesPerChunk(microseconds: number, pieces: number, workers: number): number {
  const least = microseconds === 0 ? 1 : Math.min(pieces, Math.ceil((pieces * LEAST_CHUNK_MICROSECONDS) / microseconds))
  if (workers === 0) return least
  if (microseconds > 0 && microseconds < SMALL_MICROSECONDS) return pieces
  return Math.max(least, Math.ceil(pieces / (CHUNKS_PER_WORKER * workers)))
}
