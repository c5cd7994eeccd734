import { scheduleAttention } from '../attention-schedules.ts'
import { boundBuffers } from '../kernel-walk.ts'
import { type Schedules, scheduleBy, type Target } from '../target.ts'
import { scheduleKeysBackward, scheduleQueriesBackward } from './attention-backward.ts'
import { scheduleFewQueries } from './attention-few.ts'
import { scheduleForward } from './attention-forward.ts'
import { scheduleCumulative } from './cumulative.ts'
import { scheduleMap } from './map.ts'
import { scheduleMatmul } from './matmul.ts'
import { scheduleReduce } from './reduce.ts'
import { scheduleRows } from './rows.ts'
import { scheduleSideBySide } from './side-by-side.ts'
import { scheduleUpdate } from './update.ts'
import { printWgsl, usesF16, usesSubgroups } from './wgsl.ts'

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

/** WebGPU: many threads for each kernel, in workgroups that share memory. */
export const gpuTarget: Target = {
  name: 'wgsl',
  keepsRows: false,
  // WebGPU's default minStorageBufferOffsetAlignment, which no device exceeds.
  memory: { alignment: 256, accessByBuffer: true },
  joinsHeroes: true,
  schedule: (work, context) => scheduleBy(SCHEDULES, work, context),
  sideBySide: scheduleSideBySide,
  scratchBytes: () => 0,
  text: printWgsl,
  assemble: (kernel, name, wgsl, limits) => ({
    target: 'wgsl',
    name,
    wgsl,
    bindings: boundBuffers(kernel).map((b) => kernel.buffers[b]!.access),
    paramWords: Math.ceil(kernel.params.length / 4) * 4,
    workgroupSize: kernel.workgroupSize,
    usesF16: usesF16(wgsl),
    subgroupSize: usesSubgroups(wgsl) ? (limits.gpu?.subgroupSize ?? null) : null,
  }),
}
