import type { Target } from '../target.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleUpdate } from './update.ts'
import { printWgsl, usesF16 } from './wgsl.ts'

/** WebGPU: many threads for each kernel, in workgroups that share memory. */
export const gpuTarget: Target = {
  name: 'wgsl',
  schedule(group, context) {
    switch (group.hero?.prim.kind) {
      case 'reduce':
        return scheduleReduce(group, context)
      case 'contract':
        return scheduleMatmul(group, context)
      case 'cumulative':
        return scheduleCumulative(group, context)
      case 'update':
        return scheduleUpdate(group, context)
      default:
        return scheduleMap(group, context)
    }
  },
  text: printWgsl,
  assemble: (kernel, name, wgsl) => ({
    target: 'wgsl',
    name,
    wgsl,
    bindings: kernel.buffers.filter((_, i) => !kernel.aliases.has(i)).map((b) => b.access),
    paramWords: Math.ceil(kernel.params.length / 4) * 4,
    workgroupSize: kernel.workgroupSize,
    usesF16: usesF16(wgsl),
  }),
}
