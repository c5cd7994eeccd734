import { printKernelText } from '../kernel-text.ts'
import type { Target } from '../target.ts'
import { assembleKernel } from '../wasm/assemble.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleUpdate } from './update.ts'

/** WebAssembly: a few threads, each doing pieces of work with loops over vectors of four. */
export const cpuTarget: Target = {
  name: 'wasm',
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
