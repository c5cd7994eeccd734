import { grad } from '../autodiff/index.ts'
import { compile, type SpecsOf } from '../compile.ts'
import type { Backend } from '../models/verify.ts'
import type { DeviceChoice } from '../runtime/choose.ts'
import type { Device } from '../runtime/device.ts'

/** Runs what a fixture asks for as compiled programs on a device. Each is compiled for its arguments, and used once. */
export const compiledBackend = (device: DeviceChoice | Device): Backend => ({
  async run<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): Promise<R> {
    // Tensors are specs of themselves, so a tree of them has the type that SpecsOf computes; TypeScript cannot see it
    // while A is open.
    const compiled = compile(fn, args as unknown as SpecsOf<A>, { device })
    try {
      return await compiled(...args)
    } finally {
      compiled.dispose()
    }
  },
  grad: (fn) => grad(fn),
})
