/** Of one thread, cautiously: a kernel of few operations per byte, and memory that other threads use as well. */
const FLOPS_PER_MICROSECOND = 4000
const BYTES_PER_MICROSECOND = 6000

/** Sharing a step costs two barriers, some microseconds where all are awake. */
const SMALL_MICROSECONDS = 12
const LEAST_CHUNK_MICROSECONDS = 10
/** So that a thread which the system takes away, or which got the dear pieces, does not hold up the others for long. */
const CHUNKS_PER_WORKER = 4

/** What a step takes one thread, roughly; 0 if the compiler counted nothing. */
export const microsecondsOf = (flops: number, bytes: number): number =>
  flops / FLOPS_PER_MICROSECOND + bytes / BYTES_PER_MICROSECOND

/** Is a step better done by one worker alone? What was not counted may be large. */
export const isSmall = (microseconds: number, pieces: number): boolean =>
  pieces === 1 || (microseconds > 0 && microseconds < SMALL_MICROSECONDS)

/** The pieces that a worker takes at a time. Without workers the least that is worth a look at the clock. */
export function piecesPerChunk(microseconds: number, pieces: number, workers: number): number {
  const balanced = workers === 0 ? 1 : Math.ceil(pieces / (CHUNKS_PER_WORKER * workers))
  const least = microseconds === 0 ? 1 : Math.ceil((pieces * LEAST_CHUNK_MICROSECONDS) / microseconds)
  return Math.min(pieces, Math.max(balanced, least))
}
