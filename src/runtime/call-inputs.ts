import type { Program } from '../codegen/program.ts'
import { DeviceError, ShapeError } from '../util/errors.ts'
import type { Allocation } from './allocation.ts'
import type { DeviceBuffer } from './device.ts'
import type { DeviceTensor, Tensors } from './device-tensor.ts'
import { countElements } from './layout.ts'
import { tensorText } from './size-text.ts'

/**
 * A call's inputs, checked against the program. Shapes may differ where the number of elements is the same: a reshape
 * leaves memory as it is.
 * @throws ShapeError or DeviceError naming the input by its path.
 */
export function acceptInputs<A extends Allocation>(
  program: Program,
  given: readonly DeviceBuffer[],
  tensors: Tensors<A>,
): DeviceTensor<A>[] {
  if (given.length !== program.inputs.length) {
    throw new ShapeError(
      `${program.name} takes ${program.inputs.length} inputs, got ${given.length}: ` +
        program.inputs.map((i) => i.name).join(', '),
    )
  }
  const inputs = program.inputs.map((expected, i) => {
    const tensor = given[i]
    if (!tensor || !tensors.own(tensor)) {
      throw new DeviceError(`${program.name}: input ${expected.name} is not on ${tensors.device}`, {
        hint: 'read() it and upload() it to the device that runs the program',
      })
    }
    if (tensor.dtype !== expected.dtype || countElements(tensor.shape) !== countElements(expected.shape)) {
      const { dtype, shape } = tensor
      throw new ShapeError(
        `${program.name}: input ${expected.name} should be ${tensorText(expected.dtype, expected.shape)}, ` +
          `got ${tensorText(dtype, shape)}`,
        { hint: 'the program was compiled for these shapes; compile again for others' },
      )
    }
    tensor.use()
    return tensor
  })
  program.inputs.forEach((input, i) => {
    if (!input.donated) return
    const twin = inputs.findIndex((tensor, j) => j !== i && tensor === inputs[i])
    if (twin < 0) return
    throw new DeviceError(
      `${program.name}: one tensor is both input ${input.name}, which is donated, and input ` +
        `${program.inputs[twin]?.name}`,
      { hint: 'upload it twice, or do not donate it' },
    )
  })
  return inputs
}
