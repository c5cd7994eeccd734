import { cpuTarget } from './cpu/target.ts'
import { gpuTarget } from './gpu/target.ts'
import type { TargetName } from './program.ts'
import type { Target } from './target.ts'

export const targetOf = (name: TargetName): Target => (name === 'wasm' ? cpuTarget : gpuTarget)
