import v8 from 'node:v8'
import { ENGINE_FLAGS } from '../../../scripts/engine-flags.ts'
import type { Kernel } from '../../../src/codegen/kernel-ir.ts'
import { assembleKernel } from '../../../src/codegen/wasm/assemble.ts'
import { scratchBytes } from '../../../src/codegen/wasm/scratch.ts'
import type { DType } from '../../../src/ir/dtype.ts'

for (const flag of ENGINE_FLAGS) v8.setFlagsFromString(flag)

/** As a device stores it: bool in 32 bits, f16 as its bits. */
export type DeviceArray = Float32Array | Int32Array | Uint32Array | Uint16Array

export function deviceArray(dtype: DType, length: number): DeviceArray {
  if (dtype === 'f32') return new Float32Array(length)
  if (dtype === 'f16') return new Uint16Array(length)
  return dtype === 'i32' ? new Int32Array(length) : new Uint32Array(length)
}

export interface Call {
  readonly kernel: Kernel
  /** One per bound buffer; written in place. */
  readonly buffers: readonly DeviceArray[]
  readonly params?: readonly number[]
  readonly groups?: readonly [begin: number, end: number]
  readonly fused?: boolean
}

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16
const bytesOf = (a: DeviceArray): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)

/** Assembles a kernel, runs it over groups on a memory of its own, and copies the buffers back. */
export function runKernel({ kernel, buffers, params = [], groups = [0, 1], fused = false }: Call): void {
  const module = new WebAssembly.Module(assembleKernel(kernel, { fusedMultiplyAdd: fused }))
  const starts: number[] = []
  let at = 64 + aligned(4 * (buffers.length + params.length))
  for (const b of buffers) {
    starts.push(at)
    at += aligned(b.byteLength) + 16
  }
  const scratch = at
  at += scratchBytes(kernel.shared) + 16
  const pages = Math.ceil(at / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const bytes = new Uint8Array(memory.buffer)
  buffers.forEach((b, i) => bytes.set(bytesOf(b), starts[i]!))
  new Int32Array(memory.buffer).set([...starts, ...params], 16)
  const { run } = new WebAssembly.Instance(module, { weft: { memory } }).exports
  if (typeof run !== 'function') throw new Error('the module exports no function run')
  run(64, ...groups, scratch)
  buffers.forEach((b, i) => bytesOf(b).set(bytes.subarray(starts[i]!, starts[i]! + b.byteLength)))
}
