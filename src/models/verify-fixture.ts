import type { HostArray } from '../ir/dtype.ts'
import { formatShape, sameShape } from '../ir/shape.ts'
import { fromHost, type Tensor } from '../ir/tensor.ts'
import { FileError } from '../util/errors.ts'
import type { Fixture } from './verify.ts'

/** Throws FileError if the fixture lacks the tensor. */
export function hostInput({ tensors }: Fixture, name: string): HostArray {
  const array = tensors.get(name)
  if (!array) throw new FileError(`verify: the fixture has no tensor ${name}`)
  return array
}

/** Throws FileError if the fixture's tensor is of another shape: it would be read, clamped, as something else. */
export function requireShape(fixture: Fixture, name: string, shape: readonly number[]): void {
  const found = hostInput(fixture, name).shape
  if (sameShape(found, shape)) return
  throw new FileError(`verify: the fixture's ${name} is ${formatShape(found)}, and its texts ${formatShape(shape)}`)
}

/** Throws FileError if the fixture lacks the tensor. */
export const input = (fixture: Fixture, name: string): Tensor => fromHost(hostInput(fixture, name))

/** A field of the metadata that holds JSON. Throws FileError if it is missing or is not JSON. */
export function jsonField({ metadata }: Fixture, name: string): unknown {
  const text = metadata[name]
  if (text === undefined) throw new FileError(`verify: the fixture's metadata has no ${name}`)
  try {
    return JSON.parse(text)
  } catch {
    throw new FileError(`verify: the fixture's metadata ${name} is not JSON`)
  }
}
