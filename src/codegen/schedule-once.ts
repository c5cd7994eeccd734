import type { Value } from '../ir/graph.ts'
import type { Kernel } from './kernel-ir.ts'
import type { ScheduleContext, Scheduled, Work } from './schedule.ts'
import type { Target } from './target.ts'
import { WorkForms } from './work-form.ts'

interface Known {
  readonly values: readonly Value[]
  readonly scheduled: Scheduled
}

/** Schedules what is new; for what it knows already, with other values, it gives the same kernel. */
export class ScheduleOnce {
  private readonly forms: WorkForms
  private readonly works = new Map<string, Known>()
  private readonly bundles = new Map<string, Known>()
  private readonly kernelIds = new Map<Kernel, number>()

  constructor(
    private readonly target: Target,
    private readonly context: ScheduleContext,
  ) {
    this.forms = new WorkForms(context)
  }

  schedule(work: Work): Scheduled {
    const { key, values } = this.forms.of(work)
    return once(this.works, key, values, () => this.target.schedule(work, this.context))
  }

  /** Several side by side; `make` is the target's. */
  sideBySide(members: readonly Scheduled[], make: NonNullable<Target['sideBySide']>): Scheduled {
    const places = new Map<Value, number>()
    const placeOf = (v: Value): number => {
      const place = places.get(v) ?? places.size
      places.set(v, place)
      return place
    }
    // Equal kernels have equal parameters, workgroups and outputs; which values they share is not in them.
    const key = members.map(({ kernel, values }) => `${this.idOf(kernel)}(${values.map(placeOf).join()})`).join()
    return once(this.bundles, key, [...places.keys()], () => make(members, this.context.limits))
  }

  private idOf(kernel: Kernel): number {
    const id = this.kernelIds.get(kernel) ?? this.kernelIds.size
    this.kernelIds.set(kernel, id)
    return id
  }
}

function once(known: Map<string, Known>, key: string, values: readonly Value[], make: () => Scheduled): Scheduled {
  const first = known.get(key)
  if (first) return withValues(first, values)
  const scheduled = make()
  known.set(key, { values, scheduled })
  return scheduled
}

function withValues({ values: old, scheduled }: Known, values: readonly Value[]): Scheduled {
  const by = new Map(old.map((v, i) => [v, values[i]!]))
  const of = (v: Value): Value => {
    const found = by.get(v)
    if (!found) throw new Error('a schedule uses a value that is not of its work')
    return found
  }
  return {
    ...scheduled,
    values: scheduled.values.map(of),
    outputs: scheduled.outputs.map(({ value, buffer, over }) => ({ value: of(value), buffer, over: over.map(of) })),
  }
}
