import type { Paper } from '../plan/paper.ts'
import type { InferencePlan } from '../plan/plan.ts'
import type { PlanRequest } from '../plan/request.ts'
import type { TrainingPlan } from '../plan/training.ts'
import type { Titles } from './plan-report.ts'

/** The plan as plain data, without the list of every temporary. */
export const planJson = (
  titles: Titles,
  request: PlanRequest,
  { papers, ...inference }: InferencePlan,
  trainings: readonly TrainingPlan[],
  seconds: number,
): unknown => ({
  ...titles,
  request,
  inference: { ...inference, programs: papers.map(programJson) },
  training: trainings.map(({ paper, ...plan }) => ({ ...plan, program: programJson(paper) })),
  seconds,
})

const programJson = ({ temporaries, inputs, unread, ...paper }: Paper): unknown => ({
  ...paper,
  largestTemporary: Math.max(0, ...temporaries.map(({ bytes }) => bytes)),
})
