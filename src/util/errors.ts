/**
 * Every error class of weft stands here. A message names the operation, the shapes or file at fault,
 * the user's source line where there is one, and a hint that says what to do.
 */
export interface ErrorDetails {
  /** `file:line:column` of the user's code. */
  readonly at?: string | undefined
  /** What to do about it. */
  readonly hint?: string | undefined
}

export class WeftError extends Error {
  readonly at: string | undefined
  readonly hint: string | undefined
  constructor(message: string, details: ErrorDetails = {}) {
    const at = details.at ? `\n  at ${details.at}` : ''
    const hint = details.hint ? `\n  hint: ${details.hint}` : ''
    super(`${message}${at}${hint}`)
    this.name = new.target.name
    this.at = details.at
    this.hint = details.hint
  }
}

/** Shapes that do not fit an operation. */
export class ShapeError extends WeftError {}
/** An element type that an operation does not take. */
export class DTypeError extends WeftError {}
/** A function that cannot be traced or transformed as asked. */
export class TraceError extends WeftError {}
/** A graph that breaks an invariant of the IR; seeing one means a pass is wrong. */
export class VerifyError extends WeftError {}
/** Text that is not a graph in the printed form. */
export class ParseError extends WeftError {}
/** Something weft does not do (yet), said instead of a silent fallback. */
export class UnsupportedError extends WeftError {}
/** No device, device lost, out of memory, a limit exceeded. */
export class DeviceError extends WeftError {}
/** A file that is missing, truncated, or not what it claims to be. */
export class FileError extends WeftError {}
/** An image that cannot be decoded or is out of bounds. */
export class ImageError extends WeftError {}
/** A checkpoint whose names or shapes do not fit the model. */
export class CheckpointError extends WeftError {}
/** A value outside its range: a flag, a label, a configuration field. */
export class ValueError extends WeftError {}
