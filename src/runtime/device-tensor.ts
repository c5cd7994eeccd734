import type { DType, HostArray } from '../ir/dtype.ts'
import { DeviceError } from '../util/errors.ts'
import type { Allocation, TensorMemory, TensorReader } from './allocation.ts'
import type { DeviceBuffer } from './device.ts'
import type { Health } from './health.ts'
import { decode, tensorBytes } from './layout.ts'
import { tensorText } from './size-text.ts'

/** Makes the tensors of one device, and takes back the memory of those that nobody holds any more. */
export class Tensors<A extends Allocation> {
  readonly device: string
  readonly reader: TensorReader<A>
  readonly health: Health
  readonly #memory: TensorMemory<A>
  readonly #forgotten: FinalizationRegistry<A>

  constructor(device: string, memory: TensorMemory<A>, reader: TensorReader<A>, health: Health) {
    this.device = device
    this.reader = reader
    this.health = health
    this.#memory = memory
    this.#forgotten = new FinalizationRegistry((allocation) => memory.release(allocation))
  }

  /** Takes over one reference to the allocation. */
  wrap(allocation: A, dtype: DType, shape: readonly number[], name: string): DeviceTensor<A> {
    const tensor = new DeviceTensor(this, allocation, dtype, shape, name)
    this.#forgotten.register(tensor, allocation, tensor)
    return tensor
  }

  /** The tensor's reference is given back by hand. */
  unwrap(tensor: DeviceTensor<A>, allocation: A): void {
    this.#forgotten.unregister(tensor)
    this.#memory.release(allocation)
  }

  /** Is this a tensor of this very device? */
  own(x: object): x is DeviceTensor<A> {
    return x instanceof DeviceTensor && x.owner === this
  }
}

export class DeviceTensor<A extends Allocation> implements DeviceBuffer {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly name: string
  readonly owner: Tensors<A>
  #allocation: A | null
  #failure: DeviceError | null = null
  /** How the memory was given up, for the message: `disposed`, `donated to a call of step`. */
  #gone = ''

  constructor(owner: Tensors<A>, allocation: A, dtype: DType, shape: readonly number[], name: string) {
    this.owner = owner
    this.#allocation = allocation
    this.dtype = dtype
    this.shape = shape
    this.name = name
  }

  get device(): string {
    return this.owner.device
  }

  get disposed(): boolean {
    return this.#allocation === null
  }

  /** The memory. @throws DeviceError if it was disposed or donated, or if making the tensor is known to have failed. */
  use(): A {
    const failure = this.failure
    if (failure) throw failure
    if (this.#allocation) return this.#allocation
    const hint = this.#gone.startsWith('donated')
      ? 'use what the call returned instead, or do not donate this argument'
      : 'dispose of a tensor only after its last use'
    throw new DeviceError(`${this.name} (${tensorText(this.dtype, this.shape)}) was ${this.#gone}`, { hint })
  }

  /** Why the contents are not what they should be, as far as is known yet. */
  get failure(): DeviceError | null {
    return this.#failure ?? this.#allocation?.failure ?? null
  }

  /** The work that was to fill the tensor failed. */
  fail(error: DeviceError): void {
    this.#failure ??= error
  }

  async read(): Promise<HostArray> {
    this.owner.health.assertAlive()
    const allocation = this.use()
    const { dtype, shape } = this
    const bytes = tensorBytes(dtype, shape)
    const reading = this.owner.reader.read(allocation, bytes, (contents) => decode(dtype, shape, contents))
    // The checks of earlier work answer first, and say better than a failed copy what went wrong.
    await reading.catch(() => {})
    await this.owner.health.settled()
    const failure = this.#failure ?? allocation.failure
    if (failure) throw failure
    return reading
  }

  dispose(): void {
    this.giveUp('disposed')
  }

  /** Disposes of the tensor; later uses say how it went. */
  giveUp(how: string): void {
    const allocation = this.#allocation
    if (!allocation) return
    this.#allocation = null
    this.#gone = how
    this.owner.unwrap(this, allocation)
  }
}
