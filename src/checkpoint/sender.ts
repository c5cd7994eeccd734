import type { QuantisedMatrix } from '../data/tensor-source.ts'
import { type FloatDType, f16ToNumber, type HostArray, numberToF16 } from '../ir/dtype.ts'
import { fromDevice, fromHost, type Tensor } from '../ir/tensor.ts'
import type { QuantisedWeight } from '../nn/quantised.ts'
import type { Device } from '../runtime/device.ts'
import { toF16 } from './to-f16.ts'

/** What a device has not taken in yet may be held on the host, by the driver: waiting now and then bounds that. */
const MOST_WAITING_BYTES = 256 << 20

/** Sends arrays to a device, or keeps them on the host where there is none. */
export class Sender {
  /** All that was sent. */
  readonly tensors: Tensor[] = []
  /** The most bytes that one tensor can have. */
  readonly limit: number
  readonly #device: Device | 'reference'
  #waiting = 0

  constructor(device: Device | 'reference', limit = Number.POSITIVE_INFINITY) {
    this.#device = device
    this.limit = device === 'reference' ? limit : Math.min(limit, device.limits.bindingBytes)
  }

  async send(array: HostArray, name: string): Promise<Tensor> {
    const tensor = this.#sent(array, name)
    this.tensors.push(tensor)
    this.#waiting += array.data.byteLength
    if (this.#waiting >= MOST_WAITING_BYTES) await this.finish()
    return tensor
  }

  /**
   * Scales and offsets go in f16 where the device has it and nothing is lost, or where that is what `dtype` says, which
   * decides what rows that are looked up come in.
   * @throws CheckpointError where they have to be f16 and one is larger than that has.
   */
  async sendQuantised(matrix: QuantisedMatrix, name: string, dtype?: FloatDType): Promise<QuantisedWeight> {
    const f16 = dtype === undefined && this.#device !== 'reference' && this.#device.limits.f16
    const perGroup = (array: HostArray<'f32'>, what: string): Promise<Tensor> =>
      this.send(dtype === 'f16' || (f16 && isF16(array)) ? toF16(array, what) : array, what)
    const packed = await this.send(matrix.packed, name)
    const groups = {
      scales: await perGroup(matrix.scales, `${name}, scales`),
      ...(matrix.offsets ? { offsets: await perGroup(matrix.offsets, `${name}, offsets`) } : {}),
    }
    return matrix.bits === 4 ? { int4: packed, ...groups } : { int8: packed, ...groups }
  }

  async finish(): Promise<void> {
    if (this.#device !== 'reference') await this.#device.finish()
    this.#waiting = 0
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose()
  }

  #sent(array: HostArray, name: string): Tensor {
    if (this.#device === 'reference') return fromHost(array)
    return fromDevice(array.shape, array.dtype, this.#device.upload(array, name))
  }
}

const isF16 = ({ data }: HostArray<'f32'>): boolean => data.every((x) => f16ToNumber(numberToF16(x)) === x)
