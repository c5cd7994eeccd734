/** What a kernel's module exports: see WasmKernel. */
export type KernelFunction = (args: number, begin: number, end: number, scratch: number) => void

const isKernelFunction = (x: unknown): x is KernelFunction => typeof x === 'function'

/** A kernel's function, or null if the module has none. */
export function kernelFunction({ exports }: WebAssembly.Instance): KernelFunction | null {
  const run = exports['run']
  return isKernelFunction(run) ? run : null
}
