import { FileError } from '../util/errors.ts'
import { type LastingFile, openFile } from './file-access.ts'
import { readElements } from './read-elements.ts'
import { stretchOf } from './row-range.ts'
import { fileTypeBytes, isStoredType, STORED_TYPES } from './safetensors-dtype.ts'
import { countOf, extentOf, isContiguous, readStrided, repeats } from './strided.ts'
import { found, quoted, tensorOf } from './tensor-name.ts'
import type { RowRange, TensorInfo, TensorSource } from './tensor-source.ts'
import { archiveNamed, type TorchArchive, torchArchive } from './torch-archive.ts'
import { storageOf, type TensorView, torchGlobal } from './torch-globals.ts'
import { stateDict } from './torch-state-dict.ts'

/** A tensor whose view has been held against its storage, and the storage against the file. */
interface Checked extends TensorView {
  /** Byte of the file where the storage begins. */
  readonly position: number
}

/**
 * Opens a checkpoint of torch.save (.bin, .pt, .pth, PyTorch 1.6 or newer) to be read tensor by tensor. Nothing in the
 * file is run: what it names beyond tensors and dictionaries is refused. Views are read as the tensors they are; where
 * several share a storage, each is read for itself. `stateDict` says where in the file tensors are looked for.
 *
 * @throws FileError for any other file, for one that names code, for compressed entries, and for a tensor that reaches
 * beyond its storage or a storage beyond the file. All but the first two name the tensor or entry.
 */
export async function torchSource(path: string): Promise<TensorSource> {
  const file = await openFile(path)
  try {
    const archive = await torchArchive(file)
    const root = await archive.unpickle({
      global: torchGlobal(path),
      persistent: (id) => storageOf(id, path),
    })
    const tensors = new Map<string, TensorInfo>()
    const views = new Map<string, Checked>()
    const positions = new Map<string, number>()
    for (const [name, view] of stateDict(root, path)) {
      const checked = { ...view, position: await storageAt(view, archive, positions, tensorOf(path, name)) }
      views.set(name, checked)
      const bytes = countOf(view.shape) * fileTypeBytes(view.stored)!
      tensors.set(name, { shape: view.shape, stored: view.stored, bytes })
    }
    return {
      path,
      tensors,
      async read(name, rows) {
        return readView(file, found(views, name, path), rows, tensorOf(path, name))
      },
      close: () => file.close(),
    }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/** Byte of the file where a view's storage begins, once it is known that the view lies in it. */
async function storageAt(
  view: TensorView,
  archive: TorchArchive,
  positions: Map<string, number>,
  what: string,
): Promise<number> {
  const { storage, stored } = view
  const width = fileTypeBytes(stored)!
  const bytes = storage.stored === undefined ? storage.length : storage.length * width
  const extent = extentOf(view)
  if (!(extent * width <= bytes)) {
    throw new FileError(`${what}: reaches to element ${extent} of a storage of ${bytes / width}`)
  }
  if (extent > 0 && repeats(view)) {
    throw new FileError(`${what}: [${view.shape}] repeats elements of its storage`, {
      hint: 'save it as a tensor of its own: x.contiguous()',
    })
  }
  const key = JSON.stringify([storage.key, bytes])
  const known = positions.get(key)
  if (known !== undefined) return known
  const entry = await archive.locate(archiveNamed(storage.key))
  if (entry.bytes < bytes) {
    throw new FileError(`${what}: its storage of ${bytes} bytes has ${entry.bytes} in entry ${quoted(storage.key)}`)
  }
  positions.set(key, entry.position)
  return entry.position
}

async function readView(file: LastingFile, view: Checked, rows: RowRange | undefined, what: string) {
  const { stored, position, offset, shape, strides } = view
  if (!isStoredType(stored)) {
    throw new FileError(`${what}: dtype ${stored} is not supported`, {
      hint: `convert it to one of ${STORED_TYPES.join(', ')}`,
    })
  }
  const stretch = stretchOf(shape, rows, what)
  if (isContiguous(view))
    return readElements(file, stored, position, { ...stretch, begin: offset + stretch.begin }, what)
  const first = offset + (rows?.from ?? 0) * (strides[0] ?? 0)
  return readStrided(file, stored, position, { offset: first, shape: stretch.shape, strides }, what)
}
