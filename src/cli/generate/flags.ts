import type { FloatDType } from '../../ir/dtype.ts'
import type { Storage } from '../../models/storage.ts'
import type { DeviceChoice } from '../../runtime/choose.ts'

export interface GenerateFlags {
  readonly model: string
  readonly tokenizer?: string
  readonly prompt?: readonly string[]
  readonly steps?: number
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly repetitionPenalty: number
  readonly stop?: readonly string[]
  readonly seed: number
  readonly weights: Storage
  readonly compute?: FloatDType
  readonly device: DeviceChoice
}

export const DEFAULT_STEPS = 256
