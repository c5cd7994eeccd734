import { FileError } from '../util/errors.ts'
import type { OpenFile } from './file-access.ts'
import { type PickleContext, type PickleValue, unpickle } from './pickle.ts'
import { conversionHint } from './torch-globals.ts'
import { type StoredEntry, zipEntries } from './zip-entries.ts'

/** The description of a checkpoint's tensors, without their elements: a few hundred bytes for each. */
const MAX_PICKLE_BYTES = 64 << 20

/** A file of torch.save: a zip archive with one pickle, and an entry for each storage. */
export interface TorchArchive {
  unpickle(context: PickleContext): Promise<PickleValue>
  /** An entry by its name in the archive's only folder. @throws FileError if it is not there or compressed. */
  locate(name: string): Promise<StoredEntry>
}

/** The name of the entry that holds a storage. */
export const archiveNamed = (key: string): string => `data/${key}`

/** @throws FileError for anything but a zip archive with a `data.pkl` in its only folder, and for big-endian ones. */
export async function torchArchive(file: OpenFile): Promise<TorchArchive> {
  if (await isLegacy(file)) {
    throw new FileError(`${file.path}: is of the format before PyTorch 1.6, which is not read`, {
      hint: conversionHint(file.path),
    })
  }
  const entries = await zipEntries(file)
  const pickles = entries.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  const [pickle] = pickles
  if (pickle === undefined || pickles.length > 1) {
    throw new FileError(`${file.path}: a zip archive, but not one of torch.save: it has ${pickles.length} data.pkl`)
  }
  const folder = pickle.slice(0, -'data.pkl'.length)
  const read = async (name: string, most: number): Promise<Uint8Array> => {
    const { position, bytes } = await entries.locate(folder + name)
    if (bytes > most) throw new FileError(`${file.path}: its ${name} is ${bytes} bytes long, above ${most}`)
    const contents = new Uint8Array(bytes)
    await file.readInto(contents, position)
    return contents
  }
  if (entries.names.includes(`${folder}byteorder`)) {
    const order = new TextDecoder().decode(await read('byteorder', 16))
    if (order !== 'little') throw new FileError(`${file.path}: its numbers are ${order}-endian, which is not read`)
  }
  return {
    unpickle: async (context) => unpickle(await read('data.pkl', MAX_PICKLE_BYTES), context, file.path),
    locate: (name) => entries.locate(folder + name),
  }
}

/** PyTorch's old format begins with a pickled number, 0x1950a86a20f9469cfc6c, or is a tar archive. */
const LEGACY_START = Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)

export async function isLegacy(file: OpenFile): Promise<boolean> {
  if (file.size < LEGACY_START.length) return false
  const start = new Uint8Array(LEGACY_START.length)
  await file.readInto(start, 0)
  return start.every((byte, i) => byte === LEGACY_START[i])
}
