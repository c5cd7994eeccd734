import type { HostArray } from '../ir/dtype.ts'

/** One tensor of a checkpoint, before it is read. */
export interface TensorInfo {
  readonly shape: readonly number[]
  /** The element type as the file calls it: 'BF16', 'Q4_K'. */
  readonly stored: string
  /** Bytes that it takes in the file. */
  readonly bytes: number
}

/** Rows of a tensor, along its first axis: those from `from` up to, not including, `to`. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

/**
 * A matrix [O,I] in groups of G weights that share a scale, row by row: element (o, i) is
 * `q(o, i) * scales[o, i / G] + offsets[o, i / G]`, q being a signed integer of 4 or 8 bits.
 */
export interface QuantisedMatrix {
  readonly bits: 4 | 8
  readonly shape: readonly [O: number, I: number]
  /** i32 [O, I*bits/32]: 8 or 4 integers in two's complement a word, the first in the lowest bits. */
  readonly packed: HostArray<'i32'>
  /** [O, I/G] */
  readonly scales: HostArray<'f32'>
  /** [O, I/G]; absent where all are 0. */
  readonly offsets?: HostArray<'f32'>
}

/**
 * A checkpoint that is read tensor by tensor, so that a model can go to a device without being held twice. Names, shapes
 * and the order of rows are those of Hugging Face's models, whatever the file's own are.
 */
export interface TensorSource {
  /** What to call it in messages: a file or a folder. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /**
   * The elements of a tensor, or of some of its rows, as f32 or what else the file's type is read as; the caller owns
   * them. Holds no more than the result and a chunk of some MiB.
   * @throws FileError for a name that is not there, a range outside the tensor, or data that the file does not hold.
   */
  read(name: string, rows?: RowRange): Promise<HostArray>
  /**
   * Like `read`, without losing the groups in which the file has quantised the matrix. Undefined where the file does not
   * hold it as integers of 4 or 8 bits.
   */
  readQuantised?(name: string, rows?: RowRange): Promise<QuantisedMatrix> | undefined
  close(): Promise<void>
}
