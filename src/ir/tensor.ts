import { DeviceError, TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { allocate, type DataOf, type DType, f16ToNumber, type HostArray, setElement } from './dtype.ts'
import type { Value } from './graph.ts'
import { failShape, formatShape, sizeOf } from './shape.ts'
import type { Shape, ShapeOf } from './types.ts'

/** A tensor's contents on some device. `dispose` frees them; a disposed storage refuses further use. */
export interface DeviceStorage {
  readonly device: string
  read(): Promise<HostArray>
  dispose(): void
}

/** What builds a graph while a function is traced; see trace.ts. */
export interface Builder {
  readonly name: string
}

type Content =
  | { readonly kind: 'host'; readonly array: HostArray }
  | { readonly kind: 'device'; readonly storage: DeviceStorage }
  | { readonly kind: 'traced'; readonly builder: Builder; readonly value: Value }

/**
 * A typed, immutable tensor: concrete (on the host or a device), or a placeholder while a function is traced.
 * Operations are functions (`add(x, y)`), not methods.
 */
export class Tensor<out S extends Shape = Shape, out D extends DType = DType> {
  readonly shape: ShapeOf<S>
  readonly dtype: D
  /** Carries S in the type; never set. */
  declare protected readonly shapeType: S
  /** @internal */
  readonly content: Content

  /** @internal Use `tensor`, `zeros`, ... */
  constructor(shape: readonly number[], dtype: D, content: Content) {
    this.shape = shape as ShapeOf<S>
    this.dtype = dtype
    this.content = content
  }

  get rank(): number {
    return this.shape.length
  }

  get size(): number {
    return sizeOf(this.shape)
  }

  /**
   * The elements in row-major order, copied from the device if they are there (f16 as raw bits).
   * @throws TraceError inside a traced function; DeviceError after `dispose`.
   */
  async read(): Promise<DataOf[D]> {
    return (await this.readHost()).data as DataOf[D]
  }

  /** Like `read`, with shape and dtype. */
  async readHost(): Promise<HostArray<D>> {
    const array = this.content.kind === 'device' ? await this.content.storage.read() : hostArrayOf(this, 'read')
    return array as HostArray<D>
  }

  /** The only element of a one-element tensor, as a number. */
  async item(): Promise<number> {
    if (this.size !== 1)
      failShape(`item: ${formatShape(this.shape)} has ${this.size} elements`, 'item() takes a tensor of one element')
    const data = await this.read()
    return this.dtype === 'f16' ? f16ToNumber(data[0]!) : data[0]!
  }

  /** Frees device memory now rather than at garbage collection. */
  dispose(): void {
    if (this.content.kind === 'device') this.content.storage.dispose()
  }

  toString(): string {
    return `Tensor ${this.dtype}${formatShape(this.shape)} (${this.content.kind})`
  }
}

export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor

export const fromHost = <D extends DType>(array: HostArray<D>): Tensor<Shape, D> =>
  new Tensor(array.shape, array.dtype, { kind: 'host', array })

export const fromDevice = (shape: readonly number[], dtype: DType, storage: DeviceStorage): Tensor =>
  new Tensor(shape, dtype, { kind: 'device', storage })

/**
 * The host contents of a concrete tensor, without waiting.
 * @throws TraceError if the tensor is a placeholder; DeviceError if it lives on a device.
 */
export function hostArrayOf(t: Tensor, op: string): HostArray {
  if (t.content.kind === 'host') return t.content.array
  if (t.content.kind === 'device') {
    throw new DeviceError(`${op}: the tensor lives on ${t.content.storage.device}`, {
      at: userLocation(),
      hint: 'call operations on device tensors inside compile(...), or `await t.readHost()` first',
    })
  }
  throw new TraceError(`${op}: a tensor being traced has no values yet`, {
    at: userLocation(),
    hint: 'return it from the traced function and read the result',
  })
}

export type NestedNumbers = number | boolean | readonly NestedNumbers[]

/** Shape and flat elements of nested arrays. @throws ShapeError where rows differ in length. */
export function flattenNumbers(nested: NestedNumbers): { shape: number[]; flat: number[] } {
  const shape: number[] = []
  for (let n = nested; Array.isArray(n); n = n[0] as NestedNumbers) shape.push(n.length)
  const flat: number[] = []
  const visit = (node: NestedNumbers, depth: number): void => {
    if (!Array.isArray(node)) {
      if (depth !== shape.length) failShape('tensor: nested arrays are ragged', 'give every row the same length')
      flat.push(Number(node))
      return
    }
    if (node.length !== shape[depth]) failShape('tensor: nested arrays are ragged', 'give every row the same length')
    for (const child of node as readonly NestedNumbers[]) visit(child, depth + 1)
  }
  visit(nested, 0)
  return { shape, flat }
}

export function hostFromNumbers(dtype: DType, shape: readonly number[], numbers: ArrayLike<number>): HostArray {
  const array: HostArray = { dtype, shape, data: allocate(dtype, numbers.length) }
  for (let i = 0; i < numbers.length; i++) setElement(array, i, numbers[i]!)
  return array
}
