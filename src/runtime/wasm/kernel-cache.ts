import type { WasmKernel } from '../../codegen/program.ts'
import { DeviceError } from '../../util/errors.ts'
import { kernelFunction } from './kernel-function.ts'
import type { LinearMemory } from './linear-memory.ts'
import { forOwnMemory } from './own-memory.ts'
import type { PoolKernel } from './pool.ts'

/** Compiled kernels of one device, by their code: programs share them. */
export class KernelCache {
  readonly #linear: LinearMemory
  readonly #kernels = new Map<string, Promise<PoolKernel>>()
  #next = 0

  constructor(linear: LinearMemory) {
    this.#linear = linear
  }

  /** @throws DeviceError (as a rejection) with the engine's message. */
  get(kernel: WasmKernel): Promise<PoolKernel> {
    const key = new TextDecoder('latin1').decode(kernel.module) // a letter for each byte
    const known = this.#kernels.get(key)
    if (known) return known
    const compiled = this.#compile(kernel)
    this.#kernels.set(key, compiled)
    compiled.catch(() => this.#kernels.delete(key))
    return compiled
  }

  close(): void {
    this.#kernels.clear()
  }

  async #compile(kernel: WasmKernel): Promise<PoolKernel> {
    try {
      const { memory, shared } = this.#linear
      const module = await WebAssembly.compile(shared ? kernel.module : forOwnMemory(kernel.module))
      // Workers will do the same: what does not fit together is better said here, with the kernel's name.
      const instance = await WebAssembly.instantiate(module, { weft: { memory } })
      if (!kernelFunction(instance)) throw new TypeError('it exports no function run')
      return { id: this.#next++, module }
    } catch (cause) {
      throw new DeviceError(`kernel ${kernel.name} does not compile:\n  ${String(cause)}`, {
        hint: 'this is a bug in code generation (or in a hand-written kernel), please report it with the program',
      })
    }
  }
}
