import { allocate, type HostArray, numberToF16 } from '../ir/dtype.ts'
import { CheckpointError } from '../util/errors.ts'

/** Numbers rounded to f16. @throws CheckpointError, naming them `name`, for one that f16 can only hold as infinite. */
export function toF16({ shape, data }: HostArray, name: string): HostArray<'f16'> {
  const halves = allocate('f16', data.length)
  writeF16(halves, 0, data, name)
  return { dtype: 'f16', shape, data: halves }
}

/** The same, into `out` from element `at` on. */
export function writeF16(out: HostArray['data'], at: number, data: ArrayLike<number>, name: string): void {
  for (let i = 0; i < data.length; i++) {
    const half = numberToF16(data[i]!)
    if ((half & 0x7fff) === INFINITE && Number.isFinite(data[i]!)) {
      throw new CheckpointError(`${name} holds ${data[i]}, and the largest f16 is 65504`, {
        hint: 'store this tensor as f32',
      })
    }
    out[at + i] = half
  }
}

/** Bits of infinity, without the sign. */
const INFINITE = 0x7c00
