import { renamedSource } from '../data/renamed-source.ts'
import type { TensorInfo, TensorSource } from '../data/tensor-source.ts'
import type { FloatDType, HostArray } from '../ir/dtype.ts'
import { fromDevice, fromHost, type Tensor } from '../ir/tensor.ts'
import { assertFit, type FitOptions, type Misfit } from '../models/fit.ts'
import { flattenNames } from '../models/names.ts'
import { isParamSpec, type ParamsOf, type SpecTree } from '../nn/param.ts'
import { chooseDevice, type DeviceChoice } from '../runtime/choose.ts'
import type { Device } from '../runtime/device.ts'
import { UnsupportedError } from '../util/errors.ts'
import { flatten } from '../util/tree.ts'
import { readAs } from './read-as.ts'

export interface LoadModelOptions extends FitOptions {
  /** Where the parameters go; `auto` unless given. On `reference` they stay on the host. */
  readonly device?: DeviceChoice | Device
  /** How a parameter, by the model's name, is kept: f32 unless given. */
  readonly store?: FloatDType | ((name: string, shape: readonly number[]) => FloatDType)
  /** What the model calls a tensor of the file; undefined for one that it has no use for. Comes before `prefix`. */
  readonly rename?: (name: string) => string | undefined
  /** Told after each tensor how many bytes of the file have been read, and of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * The parameters that a spec describes, read from a checkpoint and sent to a device one after the other: the host holds
 * no more than one tensor at a time, as it is kept, and a few rows of it as the file has them.
 *
 * Nothing is read before names and shapes fit. If anything fails later, what the device was given is freed.
 *
 * @throws CheckpointError naming at once every tensor that is missing, unexpected or of another shape; FileError for
 * data that the file does not hold; UnsupportedError for f16 on a device without it; DeviceError where the device is full.
 */
export const loadModel = <T extends SpecTree>(
  spec: T,
  source: TensorSource,
  options: LoadModelOptions = {},
): Promise<ParamsOf<T>> =>
  // ParamsOf maps the spec's structure leaf by leaf, which is what `rebuild` does.
  loadLeaves(spec, source, options).then<ParamsOf<T>>(
    (leaves) => flatten(spec, isParamSpec).rebuild(leaves) as ParamsOf<T>,
  )

async function loadLeaves(
  spec: SpecTree,
  source: TensorSource,
  { device = 'auto', store = 'f32', rename, onProgress, ...fit }: LoadModelOptions,
): Promise<readonly Tensor[]> {
  const from = rename ? renamedSource(source, rename) : source
  const { prefix = '' } = fit
  const wanted = flattenNames(spec, isParamSpec)
  const kept = [...wanted].map(([name, { shape }]) => ({
    name: prefix + name,
    dtype: typeof store === 'function' ? store(name, shape) : store,
  }))
  assertFit(
    wanted,
    from.tensors,
    fit,
    kept.flatMap(({ name }) => ofIntegers(name, from.tensors)),
  )
  const target = await chooseDevice(device)
  if (target !== 'reference' && !target.limits.f16 && kept.some(({ dtype }) => dtype === 'f16')) {
    throw new UnsupportedError(`${target.description} has no f16`, { hint: "store the parameters as 'f32'" })
  }
  const bytes = (name: string): number => from.tensors.get(name)!.bytes
  const total = kept.reduce((sum, { name }) => sum + bytes(name), 0)
  const sent = new Sender(target)
  try {
    let done = 0
    for (const { name, dtype } of kept) {
      await sent.send(await readAs(from, name, dtype), name)
      done += bytes(name)
      onProgress?.(done, total)
    }
    await sent.finish()
    return sent.tensors
  } catch (cause) {
    sent.dispose()
    throw cause
  }
}

function ofIntegers(name: string, tensors: ReadonlyMap<string, TensorInfo>): Misfit[] {
  const { stored = '' } = tensors.get(name) ?? {}
  return /^([IU]\d+|BOOL)$/.test(stored) ? [{ what: 'wrong dtype', name, detail: `: ${stored}, not floats` }] : []
}

/** What a device has not taken in yet may be held on the host, by the driver: waiting now and then bounds that. */
const MOST_WAITING_BYTES = 256 << 20

/** Sends tensors to a device, or keeps them on the host where there is none. */
class Sender {
  readonly tensors: Tensor[] = []
  readonly #device: Device | 'reference'
  #waiting = 0

  constructor(device: Device | 'reference') {
    this.#device = device
  }

  async send(array: HostArray, name: string): Promise<void> {
    if (this.#device === 'reference') {
      this.tensors.push(fromHost(array))
      return
    }
    this.tensors.push(fromDevice(array.shape, array.dtype, this.#device.upload(array, name)))
    this.#waiting += array.data.byteLength
    if (this.#waiting < MOST_WAITING_BYTES) return
    await this.#device.finish()
    this.#waiting = 0
  }

  async finish(): Promise<void> {
    if (this.#device !== 'reference') await this.#device.finish()
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose()
  }
}
