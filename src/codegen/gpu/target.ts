import type { Target } from '../target.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleRows } from './rows.ts'
import { scheduleUpdate } from './update.ts'
import { printWgsl, usesF16 } from './wgsl.ts'

/** WebGPU: many threads for each kernel, in workgroups that share memory. */
export const gpuTarget: Target = {
  name: 'wgsl',
  keepsRows: false,
  schedule(work, context) {
    if (work.kind === 'cluster') {
      return work.form === 'rows' ? scheduleRows(work, work.space, context) : scheduleMap(work, context)
    }
    switch (work.hero?.prim.kind) {
      case 'reduce':
        return scheduleReduce(work, context)
      case 'contract':
        return scheduleMatmul(work, context)
      case 'cumulative':
        return scheduleCumulative(work, context)
      case 'update':
        return scheduleUpdate(work, context)
      default:
        return scheduleMap(work, context)
    }
  },
  scratchBytes: () => 0,
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
