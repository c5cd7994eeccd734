import { type AttrValue, type Equation, formatType, type Graph, isGraph, type Value } from '../ir/graph.ts'
import { sameGraph } from '../ir/same-graph.ts'
import { groupsOf, type ScheduleContext, type Work } from './schedule.ts'

/** What a work does, whatever values it does it to. Works of one key have equal schedules, value for value. */
export interface WorkForm {
  readonly key: string
  /** All values of the work, in an order that works of one key share. */
  readonly values: readonly Value[]
}

/** Describes works, such as those of the layers of a model: most of them are alike. */
export class WorkForms {
  private readonly ids = new Map<object, number>()
  private readonly graphs: Graph[] = []
  private readonly graphIds = new WeakMap<Graph, number>()

  constructor(private readonly context: ScheduleContext) {}

  /** All that a schedule may look at: the equations of the work, the types of values, and which of them are stored. */
  of(work: Work): WorkForm {
    const places = new Map<Value, number>()
    const value = (v: Value): string => {
      const known = places.get(v)
      if (known !== undefined) return String(known)
      places.set(v, places.size)
      return `${formatType(v.type)}${this.context.stored(v) ? '!' : ''}`
    }
    const values = (all: readonly Value[]): string => all.map(value).join(' ')
    const groups = groupsOf(work).map((g) => {
      const equations = g.equations.map(
        (e) => `${this.idOf(e.prim)}{${this.attrs(e)}}${values(e.inputs)}>${values(e.outputs)}`,
      )
      const hero = g.hero ? g.equations.indexOf(g.hero) : -1
      return `${equations.join('\n')}\n${hero}:${value(g.root)}:${values(g.outputs)}:${values(g.leaves)}`
    })
    const joined = work.kind === 'cluster' ? `${work.form} ${work.space.rows} ${work.space.columns}` : ''
    const key = [joined, ...groups, values(work.outputs), values(work.leaves)].join('\n')
    return { key, values: [...places.keys()] }
  }

  private attrs({ attrs }: Equation): string {
    return Object.keys(attrs)
      .sort()
      .map((name) => `${name}=${this.attr(attrs[name]!)}`)
      .join(';')
  }

  private attr(a: AttrValue): string {
    if (typeof a !== 'object') return `${typeof a}:${Object.is(a, -0) ? '-0' : a}`
    if (isGraph(a)) return `graph ${this.graphId(a)}`
    return 'data' in a ? `array ${this.idOf(a)}` : `[${a.map((n) => (Object.is(n, -0) ? '-0' : n)).join()}]`
  }

  /** Equal graphs, such as the masks of two layers, have one number. */
  private graphId(graph: Graph): number {
    const known = this.graphIds.get(graph)
    if (known !== undefined) return known
    const equal = this.graphs.findIndex((other) => sameGraph(other, graph))
    const id = equal < 0 ? this.graphs.push(graph) - 1 : equal
    this.graphIds.set(graph, id)
    return id
  }

  private idOf(x: object): number {
    const id = this.ids.get(x) ?? this.ids.size
    this.ids.set(x, id)
    return id
  }
}
