import { printKernelText } from '../kernel-text.ts'
import type { Target } from '../target.ts'
import { assembleKernel } from '../wasm/assemble.ts'
import { scratchBytes } from '../wasm/scratch.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleRows } from './rows.ts'
import { scheduleUpdate } from './update.ts'

/** WebAssembly: a few threads, each doing pieces of work with loops over vectors of four. */
export const cpuTarget: Target = {
  name: 'wasm',
  keepsRows: true,
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
  scratchBytes: ({ shared }) => scratchBytes(shared),
  text: printKernelText,
  assemble: (kernel, name, text, limits) => ({
    target: 'wasm',
    name,
    text,
    module: assembleKernel(kernel, { fusedMultiplyAdd: limits.fusedMultiplyAdd }),
    bindings: kernel.buffers.filter((_, i) => !kernel.aliases.has(i)).map((b) => b.access),
    paramWords: kernel.params.length,
  }),
}
