import { scheduleAttention } from '../attention-schedules.ts'
import { printKernelText } from '../kernel-text.ts'
import { boundBuffers } from '../kernel-walk.ts'
import { type Schedules, scheduleBy, type Target } from '../target.ts'
import { assembleKernel } from '../wasm/assemble.ts'
import { scratchBytes } from '../wasm/scratch.ts'
import { scheduleKeysBackward, scheduleQueriesBackward } from './attention-backward.ts'
import { scheduleFewQueries } from './attention-few.ts'
import { scheduleForward } from './attention-forward.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleRows } from './rows.ts'
import { scheduleUpdate } from './update.ts'

const SCHEDULES: Schedules = {
  map: scheduleMap,
  rows: scheduleRows,
  reduce: scheduleReduce,
  contract: scheduleMatmul,
  cumulative: scheduleCumulative,
  update: scheduleUpdate,
  attention: scheduleAttention({
    few: scheduleFewQueries,
    forward: scheduleForward,
    queries: scheduleQueriesBackward,
    keysAndValues: scheduleKeysBackward,
  }),
}

/** WebAssembly: a few threads, each doing pieces of work with loops over vectors of four. */
export const cpuTarget: Target = {
  name: 'wasm',
  keepsRows: true,
  // A cache line; vectors of 16 bytes lie aligned in it.
  memory: { alignment: 64, accessByBuffer: false },
  // Many arrays are walked faster one after the other than tile by tile: a step of AdamW would take 5% longer.
  joinsHeroes: false,
  schedule: (work, context) => scheduleBy(SCHEDULES, work, context),
  sideBySide: null,
  scratchBytes: ({ shared }) => scratchBytes(shared),
  text: printKernelText,
  assemble: (kernel, name, text, limits) => ({
    target: 'wasm',
    name,
    text,
    module: assembleKernel(kernel, { fusedMultiplyAdd: limits.fusedMultiplyAdd }),
    bindings: boundBuffers(kernel).map((b) => kernel.buffers[b]!.access),
    paramWords: kernel.params.length,
  }),
}
