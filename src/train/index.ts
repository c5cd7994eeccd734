/** Training: optimisers over trees, schedules, and the step that joins them with a loss. */
export { type AdamOptions, type AdamState, type AdamWOptions, adam, adamw } from './adam.ts'
export { clipByGlobalNorm, globalNorm } from './clip.ts'
export {
  allFinite,
  type LossScale,
  type LossScaling,
  type LossScalingOptions,
  lossScaling,
  selectTree,
} from './loss-scaling.ts'
export { type MixedPrecisionOptions, mixedPrecision } from './mixed-precision.ts'
export {
  applyUpdates,
  chain,
  type Optimizer,
  type Scalar,
  type Schedule,
  type Step,
  type StepState,
  scaleBySchedule,
  type Updated,
} from './optimizer.ts'
export { type ScaledState, type ScaledStepped, scaledTrainStep } from './scaled-step.ts'
export * as schedules from './schedules.ts'
export { type SgdOptions, type SgdState, sgd } from './sgd.ts'
export { type Stepped, type TrainStepOptions, trainStep } from './step.ts'
export { mapTree, mapTreeWithPath, type TensorTree } from './tree-map.ts'
