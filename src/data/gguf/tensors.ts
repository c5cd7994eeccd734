import { FileError, UnsupportedError } from '../../util/errors.ts'
import { exactSize } from '../exact-size.ts'
import type { OpenFile } from '../file-access.ts'
import { tensorOf } from '../tensor-name.ts'
import type { Cursor } from './cursor.ts'
import { readString } from './metadata.ts'
import { OTHER_TYPES, TENSOR_TYPES, type TensorType, TYPE_NAMES } from './tensor-types.ts'

/** A tensor as the header describes it. */
export interface StoredTensor {
  readonly name: string
  readonly type: TensorType
  /** Outermost first, the reverse of the file's. */
  readonly shape: readonly number[]
  /** Where it begins in the file, and what it takes there. */
  readonly position: number
  readonly bytes: number
}

const MAX_RANK = 4

/** Reads the descriptions of all tensors and checks that each lies in the file, where no other does. */
export async function readTensors(
  cursor: Cursor,
  count: number,
  alignment: number,
  file: OpenFile,
): Promise<readonly StoredTensor[]> {
  const relative = new Map<string, StoredTensor>()
  for (let i = 0; i < count; i++) {
    const tensor = await readTensor(cursor, file.path)
    if (relative.has(tensor.name)) throw tensorError(file.path, tensor.name, 'stands there twice')
    if (tensor.position % alignment !== 0) {
      throw tensorError(file.path, tensor.name, `offset ${tensor.position} is not a multiple of ${alignment}`)
    }
    relative.set(tensor.name, tensor)
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment
  const tensors = [...relative.values()].map((tensor) => ({ ...tensor, position: dataStart + tensor.position }))
  checkPlaces(tensors, file)
  return tensors
}

/** Its position is still relative to the data. */
async function readTensor(cursor: Cursor, path: string): Promise<StoredTensor> {
  const name = await readString(cursor)
  const fail = (what: string): FileError => tensorError(path, name, what)
  await cursor.load(4)
  const rank = cursor.u32()
  if (rank > MAX_RANK) throw fail(`has ${rank} dimensions, and GGUF at most ${MAX_RANK}`)
  await cursor.load(rank * 8 + 12)
  const shape = Array.from({ length: rank }, () => cursor.u64()).reverse()
  const type = typeOf(cursor.u32(), path, name)
  const position = cursor.u64()
  const elements = exactSize(shape)
  if (!Number.isSafeInteger(elements * type.bytes)) throw fail(`shape [${shape}] overflows`)
  if ((shape.at(-1) ?? 1) % type.block !== 0) {
    throw fail(`rows of ${shape.at(-1) ?? 1} are no multiple of the ${type.block} elements of a block of ${type.name}`)
  }
  return { name, type, shape, position, bytes: (elements / type.block) * type.bytes }
}

function typeOf(id: number, path: string, name: string): TensorType {
  const type = TENSOR_TYPES.get(id)
  if (type) return type
  const other = OTHER_TYPES.get(id)
  if (other === undefined) throw tensorError(path, name, `is of unknown type ${id}`)
  throw new UnsupportedError(`${tensorOf(path, name)} is of type ${other}`, {
    hint: `weft reads ${TYPE_NAMES}: take a file that is quantised so, such as Q4_K_M`,
  })
}

function checkPlaces(tensors: readonly StoredTensor[], file: OpenFile): void {
  const byPlace = tensors.filter(({ bytes }) => bytes > 0).sort((a, b) => a.position - b.position)
  let end = 0
  for (const { name, position, bytes } of byPlace) {
    if (position < end) throw tensorError(file.path, name, 'overlaps the tensor before it')
    end = position + bytes
    if (end > file.size) {
      const hint = 'the file is probably truncated: download it again'
      throw tensorError(file.path, name, `ends at byte ${end}, and the file at ${file.size}`, hint)
    }
  }
}

export const tensorError = (path: string, name: string, what: string, hint?: string): FileError =>
  new FileError(`${tensorOf(path, name)} ${what}`, { hint })
