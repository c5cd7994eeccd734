import { KernelBuilder } from '../../../src/codegen/kernel-builder.ts'
import type { Kernel, Lanes } from '../../../src/codegen/kernel-ir.ts'
import type { DType } from '../../../src/ir/dtype.ts'
import { allPrims, type ElementwisePrim } from '../../../src/ir/prim.ts'
import '../../../src/ir/prims/index.ts'
import { type DeviceArray, deviceArray, runKernel } from './run.ts'

export const ELEMENTWISE: readonly ElementwisePrim[] = allPrims().filter((p) => p.kind === 'elementwise')

export function elementwise(name: string): ElementwisePrim {
  const found = ELEMENTWISE.find((p) => p.name === name)
  if (!found) throw new Error(`no elementwise primitive ${name}`)
  return found
}

/** A kernel that applies a primitive to n elements (a multiple of 4), one or four at a time. */
export function mapKernel(prim: ElementwisePrim, inputs: readonly DType[], output: DType, lanes: Lanes): Kernel {
  const k = new KernelBuilder()
  const { x } = k
  const sources = inputs.map((dtype) => k.buffer({ dtype, access: 'read', comment: dtype }))
  const target = k.buffer({ dtype: output, access: 'read_write', comment: output })
  k.loop('i', x.constant(0), k.param('n', 1000), x.constant(lanes), (i) => {
    const at = lanes === 4 ? k.share(x.ramp(i), 'at') : i
    const args = sources.map((b, n) => k.share(x.load(b, inputs[n]!, at), 'x'))
    k.store(target, at, k.share(x.prim(prim, args, output), 'y'))
  })
  return k.finish(prim.name, [1, 1, 1], [])
}

export interface Application {
  readonly prim: ElementwisePrim
  readonly types: readonly DType[]
  readonly output: DType
  readonly inputs: readonly DeviceArray[]
  readonly lanes: Lanes
  readonly fused?: boolean
}

export function applyPrim({ prim, types, output, inputs, lanes, fused = false }: Application): DeviceArray {
  const n = inputs[0]!.length
  const out = deviceArray(output, n)
  runKernel({ kernel: mapKernel(prim, types, output, lanes), buffers: [...inputs, out], params: [n], fused })
  return out
}

/** A function of f32 on as many numbers as there are, in either kind of lanes. */
export function applyF32(name: string, lanes: Lanes, fused: boolean, ...inputs: readonly Float32Array[]): DeviceArray {
  const types = inputs.map(() => 'f32' as const)
  return applyPrim({ prim: elementwise(name), types, output: 'f32', inputs, lanes, fused })
}

/** Numbers padded to whole vectors. */
export const padded = (values: readonly number[]): Float32Array =>
  Float32Array.from([...values, ...new Array<number>((4 - (values.length % 4)) % 4).fill(1)])
