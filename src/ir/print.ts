import { type AttrValue, type Equation, formatType, type Graph, isGraph, type TensorType, type Value } from './graph.ts'
import { nameValues, quoteUnlessName } from './text-names.ts'
import { formatArray, formatNumber, isHostArray } from './text-values.ts'

export interface PrintOptions {
  /** Write behind each equation where the user wrote it; yes unless said. */
  readonly sources?: boolean
}

const LONGEST_HEADER = 120
/** Longer lines stick out instead of pushing everything else to the right. */
const LONGEST_ALIGNED_LEFT = 40
const LONGEST_ALIGNED_LINE = 100
const INDENT = '  '

/**
 * A graph as text that `parse` reads back to the same graph; docs/text-form.md has the grammar. The text depends on
 * the graph alone, and a graph that breaks the IR's rules prints as well.
 */
export function print(graph: Graph, { sources = true }: PrintOptions = {}): string {
  return `${printGraph(graph, sources).join('\n')}\n`
}

/** The lines of a graph; nested graphs are indented by what holds them. */
function printGraph(graph: Graph, sources: boolean): string[] {
  const name = nameValues(graph)
  const rows = graph.equations.map((e) => ({
    left: e.outputs.length === 0 ? '()' : e.outputs.map((v) => declare(v, name)).join(', '),
    right: printRight(e, name, sources),
    source: sources ? sourceText(e) : undefined,
  }))
  const leftWidth = widest(
    rows.map((r) => r.left),
    LONGEST_ALIGNED_LEFT,
  )
  const lines = rows.map(({ left, right: [first, ...rest], source }) => ({
    head: [`${left.padEnd(leftWidth)} = ${first}`, ...rest].map((line) => INDENT + line),
    source,
  }))
  const width = widest(
    lines.filter((l) => l.head.length === 1).map((l) => l.head[0]!),
    LONGEST_ALIGNED_LINE,
  )
  return [
    ...printHeader(graph, name),
    ...lines.flatMap(({ head, source }) => {
      if (source === undefined) return head
      const last = head.at(-1)!
      return [...head.slice(0, -1), `${head.length === 1 ? last.padEnd(width) : last}  // ${source}`]
    }),
    `${INDENT}return ${graph.outputs.map(name).join(', ')}`.trimEnd(),
    '}',
  ]
}

const declare = (v: Value, name: (v: Value) => string): string => `${name(v)}: ${formatType(v.type)}`

const widest = (texts: readonly string[], limit: number): number =>
  texts.reduce((width, t) => (t.length > limit ? width : Math.max(width, t.length)), 0)

function printHeader(graph: Graph, name: (v: Value) => string): string[] {
  const open = `fn ${quoteUnlessName(graph.name)}(`
  const inputs = graph.inputs.map((v) => declare(v, name))
  const close = `) -> ${printTypes(graph.outputs.map((v) => v.type))} {`
  const line = open + inputs.join(', ') + close
  return line.length <= LONGEST_HEADER || inputs.length < 2
    ? [line]
    : [open, ...inputs.map((input) => `${INDENT}${INDENT}${input},`), close]
}

/** One type stands alone, none and several in parentheses. */
const printTypes = (types: readonly TensorType[]): string =>
  types.length === 1 ? formatType(types[0]!) : `(${types.map(formatType).join(', ')})`

/** What follows the equals sign: more than one line where an attr is a graph. */
function printRight(e: Equation, name: (v: Value) => string, sources: boolean): string[] {
  const head = [e.prim.name, ...e.inputs.map(name)].join(' ')
  const attrs = Object.entries(e.attrs)
  if (attrs.length === 0) return [head]
  const lines = [`${head} {`]
  // Graphs stand last, each in lines of its own, so that a block's end is the equation's end.
  const ordered = [...attrs.filter(([, a]) => !isGraph(a)), ...attrs.filter(([, a]) => isGraph(a))]
  ordered.forEach(([key, value], i) => {
    const [first, ...rest] = printAttr(value, sources)
    const text = `${quoteUnlessName(key)}=${first}`
    const last = lines.pop()! + (i === 0 ? '' : ',')
    if (isGraph(value)) lines.push(last, ...[text, ...rest].map((line) => INDENT + line))
    else lines.push(i === 0 ? last + text : `${last} ${text}`)
  })
  return [...lines.slice(0, -1), `${lines.at(-1)}}`]
}

function printAttr(value: AttrValue, sources: boolean): string[] {
  if (typeof value === 'number') return [formatNumber(value)]
  if (typeof value === 'string') return [quoteUnlessName(value)]
  if (typeof value === 'boolean') return [String(value)]
  if (isGraph(value)) return printGraph(value, sources)
  if (isHostArray(value)) return [formatArray(value)]
  return [`[${value.map(formatNumber).join(',')}]`]
}

/** A comment ends with its line, so that a line break in a file's name cannot stand in it. */
const sourceText = (e: Equation): string | undefined =>
  e.source
    ?.location()
    ?.replace(/[\r\n]+/g, ' ')
    .trim() || undefined
