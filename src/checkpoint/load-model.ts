import { renamedSource } from '../data/renamed-source.ts'
import type { TensorInfo, TensorSource } from '../data/tensor-source.ts'
import type { FloatDType } from '../ir/dtype.ts'
import { formatShape } from '../ir/shape.ts'
import { assertFit, type FitOptions, type Misfit } from '../models/fit.ts'
import { flattenNames } from '../models/names.ts'
import { splitRows } from '../models/split.ts'
import { bytesPerRow, canQuantise, GROUP, type Precision, type Storage, storageFor } from '../models/storage.ts'
import { isMatrixSpec, isParamSpec, type ParamSpec, type SpecTree, type WeightsOf } from '../nn/param.ts'
import type { Weight } from '../nn/weight.ts'
import { chooseDevice, type DeviceChoice } from '../runtime/choose.ts'
import type { Device } from '../runtime/device.ts'
import { UnsupportedError } from '../util/errors.ts'
import { flatten } from '../util/tree.ts'
import { readAs } from './read-as.ts'
import { readWeight } from './read-weight.ts'
import { Sender } from './sender.ts'
import { settledStorage } from './storage.ts'

export interface LoadModelOptions extends FitOptions {
  /** Where the parameters go; `auto` unless given. On `reference` they stay on the host. */
  readonly device?: DeviceChoice | Device
  /** How parameters are kept, all of them (see `storageFor`) or each by the model's name: f32 unless given. */
  readonly store?: Storage | ((name: string, leaf: ParamSpec) => Storage)
  /**
   * What the model computes in, which is the type of its embeddings, norms and biases: that of `store` if it is one for
   * all, else f32. Other matrices are cast as they are read.
   */
  readonly compute?: FloatDType
  /** The most bytes of one tensor on the device, beyond which matrices are split by rows; what it binds unless given. */
  readonly bindingBytes?: number
  /** What the model calls a tensor of the file; undefined for one that it has no use for. Comes before `prefix`. */
  readonly rename?: (name: string) => string | undefined
  /** Told after each tensor how many bytes of the file have been read, and of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * The parameters that a spec describes, read from a checkpoint and sent to a device one after the other: the host holds
 * no more than one tensor at a time, as it is kept, and a few rows of it as the file has them. Matrices larger than the
 * device binds at once are split by rows.
 *
 * Nothing is read before names and shapes fit. If anything fails later, what the device was given is freed.
 *
 * @throws CheckpointError naming at once every tensor that is missing, unexpected or of another shape; FileError for
 * data that the file does not hold; UnsupportedError for f16 on a device without it, for integers in the place of what
 * cannot be kept so, and for `stored` of a file without integers; DeviceError where the device is full.
 */
export const loadModel = <T extends SpecTree>(
  spec: T,
  source: TensorSource,
  options: LoadModelOptions = {},
): Promise<WeightsOf<T>> =>
  // WeightsOf maps the spec's structure leaf by leaf, which is what `rebuild` does.
  loadLeaves(spec, source, options).then<WeightsOf<T>>(
    (leaves) => flatten(spec, isParamSpec).rebuild(leaves) as WeightsOf<T>,
  )

/** One parameter: what the file calls it, and how it is kept. */
interface Kept<S = Storage> {
  readonly name: string
  readonly leaf: ParamSpec
  readonly storage: S
}

async function loadLeaves(
  spec: SpecTree,
  source: TensorSource,
  {
    device = 'auto',
    store = 'f32',
    compute = store === 'f16' ? 'f16' : 'f32',
    bindingBytes,
    rename,
    onProgress,
    ...fit
  }: LoadModelOptions,
): Promise<readonly Weight[]> {
  const from = rename ? renamedSource(source, rename) : source
  const { prefix = '' } = fit
  const wanted = flattenNames(spec, isParamSpec)
  const storageOf = typeof store === 'function' ? store : storageFor(store, compute)
  const all = [...wanted].map(([name, leaf]): Kept => ({ name: prefix + name, leaf, storage: storageOf(name, leaf) }))
  assertFit(
    wanted,
    from.tensors,
    fit,
    all.flatMap(({ name }) => ofIntegers(name, from.tensors)),
  )
  const target = await chooseDevice(device)
  checkStorages(all, compute, target)
  const wantsStored = store === 'stored' || all.some(({ storage }) => storage === 'stored')
  const settled = await settledStorages(all, from, compute, wantsStored)
  const bytes = (name: string): number => from.tensors.get(name)!.bytes
  const total = all.reduce((sum, { name }) => sum + bytes(name), 0)
  const sender = new Sender(target, bindingBytes)
  try {
    const weights: Weight[] = []
    let done = 0
    for (const kept of settled) {
      weights.push(await load(from, kept, compute, sender))
      done += bytes(kept.name)
      onProgress?.(done, total)
    }
    await sender.finish()
    return weights
  } catch (cause) {
    sender.dispose()
    throw cause
  }
}

/** Reads and sends one parameter, a matrix in as many pieces as there must be. */
async function load(
  source: TensorSource,
  { name, leaf, storage }: Kept<Precision>,
  compute: FloatDType,
  sender: Sender,
): Promise<Weight> {
  if (!isMatrixSpec(leaf)) {
    const float = storage === 'f16' ? 'f16' : 'f32' // checkStorages has refused integers
    return sender.send(await readAs(source, name, float), name)
  }
  const parts: Weight[] = []
  for (const rows of splitRows(leaf.shape, bytesPerRow(leaf.shape[1], storage), sender.limit)) {
    const part = await readWeight(source, name, storage, rows)
    parts.push(
      'bits' in part
        ? await sender.sendQuantised(part, name, leaf.table ? compute : undefined)
        : await sender.send(part, name),
    )
  }
  return parts.length === 1 ? parts[0]! : { parts }
}

/** @throws UnsupportedError for what cannot be kept as it is to be. */
function checkStorages(all: readonly Kept[], compute: FloatDType, target: Device | 'reference'): void {
  const halves = compute === 'f16' || all.some(({ storage }) => storage === 'f16')
  if (target !== 'reference' && !target.limits.f16 && halves) {
    throw new UnsupportedError(`${target.description} has no f16`, { hint: "store the parameters as 'f32'" })
  }
  const cast = all.find(({ storage, leaf }) => 'table' in leaf && /^f/.test(storage) && storage !== compute)
  if (cast) {
    throw new UnsupportedError(`${cast.name}: embeddings in ${cast.storage} of a model computed in ${compute}`, {
      hint: `the embeddings decide what is computed in: compute: '${cast.storage}', or keep them in ${compute}`,
    })
  }
  const wrong = all.find(({ storage, leaf }) => (storage === 'int4' || storage === 'int8') && !canQuantise(leaf))
  if (wrong) {
    throw new UnsupportedError(`${wrong.name} ${formatShape(wrong.leaf.shape)} as ${wrong.storage}`, {
      hint: `matrices of a width that is a multiple of ${GROUP} can be kept as integers; choose f32 or f16 for this one`,
    })
  }
}

/**
 * How each parameter is kept, now that the file is known.
 * @throws UnsupportedError where the file's integers are asked for and it has none: all would quietly become floats.
 */
async function settledStorages(
  all: readonly Kept[],
  source: TensorSource,
  compute: FloatDType,
  wantsStored: boolean,
): Promise<readonly Kept<Precision>[]> {
  const settled: Kept<Precision>[] = []
  for (const kept of all) {
    settled.push({ ...kept, storage: await settledStorage(kept.storage, source, kept.name, compute) })
  }
  if (wantsStored && settled.every(({ storage }) => storage === 'f32' || storage === 'f16')) {
    throw new UnsupportedError(`${source.path}: holds no weights as integers, so that none can be kept as stored`, {
      hint: `store them as f32 or f16, or have them quantised: int8 or int4`,
    })
  }
  return settled
}

function ofIntegers(name: string, tensors: ReadonlyMap<string, TensorInfo>): Misfit[] {
  const { stored = '' } = tensors.get(name) ?? {}
  return /^([IU]\d+|BOOL)$/.test(stored) ? [{ what: 'wrong dtype', name, detail: `: ${stored}, not floats` }] : []
}
