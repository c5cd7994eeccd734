import type { DType } from '../../ir/dtype.ts'
import type { MonoidName } from '../../ir/prim.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { Expr, Lanes } from '../kernel-ir.ts'
import type { Alignment } from './alignment.ts'
import type { VectorViews } from './vector-views.ts'
import { printConst, THREEFRY } from './wgsl-constants.ts'

export interface WgslContext {
  /** WGSL functions that the body calls. */
  readonly helpers: Set<string>
  readonly aliases: ReadonlyMap<number, number>
  readonly views: VectorViews
  readonly alignment: Alignment
}

export const storageType = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype)
export const typeName = (dtype: DType, lanes: Lanes): string => (lanes === 1 ? dtype : `vec4<${dtype}>`)

/** The parts of a vector, by name. */
export const COMPONENTS = ['x', 'y', 'z', 'w'] as const

const BUILTINS = {
  global_x: 'global_x',
  local_x: 'i32(local_id.x)',
  local_y: 'i32(local_id.y)',
  group_x: 'i32(group_id.x)',
  group_y: 'i32(group_id.y)',
  group_z: 'i32(group_id.z)',
  subgroup_lane: 'i32(subgroup_lane)',
}

/** An expression in WGSL. @throws UnsupportedError for vectors where WGSL or the printer has none. */
export function printExpr(x: Expr, context: WgslContext): string {
  const e = (y: Expr): string => printExpr(y, context)
  /** A scalar repeated in every lane where the whole is a vector: most functions take no mixture. */
  const wide = (y: Expr): string => (y.lanes < x.lanes ? `${typeName(y.dtype, x.lanes)}(${e(y)})` : e(y))
  switch (x.op) {
    case 'const':
      return printConst(x.value, x.dtype, context.helpers)
    case 'param':
      return `params.${x.name}`
    case 'builtin':
      return BUILTINS[x.name]
    case 'variable':
      return x.name
    case 'load':
      return printLoad(`b${context.aliases.get(x.buffer) ?? x.buffer}`, context.views.buffers.has(x.buffer), x, context)
    case 'loadShared':
      return printLoad(x.array, context.views.arrays.has(x.array), x, context)
    case 'loadUniform':
      return `workgroupUniformLoad(&${x.array}[0])${x.dtype === 'bool' ? ' != 0u' : ''}`
    case 'binary':
      return printBinary(x, wide(x.a), wide(x.b))
    case 'select':
      return `select(${wide(x.b)}, ${wide(x.a)}, ${e(x.condition)})`
    case 'cast':
      return x.dtype === 'bool'
        ? `(${e(x.x)} != ${typeName(x.x.dtype, x.lanes)}(0))`
        : `${typeName(x.dtype, x.lanes)}(${e(x.x)})`
    case 'prim':
      return printPrim(x, context)
    case 'random':
      if (x.lanes !== 1) throw new UnsupportedError('random bits in a vector: schedules for WebGPU ask for one each')
      context.helpers.add(THREEFRY)
      return `weft_threefry(${x.args.map(e).join(', ')})`
    case 'ramp':
      return `(vec4<i32>(${e(x.base)}) + vec4<i32>(0, 1, 2, 3))`
    case 'fma':
      return `fma(${[x.a, x.b, x.c].map(wide).join(', ')})`
    case 'across':
      return printAcross(x.monoid, x.dtype, e(x.x), context)
    case 'lane':
      return `${e(x.x)}.${COMPONENTS[x.lane]}`
    case 'pack':
      return `${typeName(x.dtype, 4)}(${x.parts.map(e).join(', ')})`
    case 'broadcast':
      return `subgroupBroadcast(${e(x.x)}, ${x.from}u)`
    case 'subgroupFold':
      return printSubgroupFold(x.monoid, x.dtype, e(x.x))
    case 'fold':
      return printFold(x.monoid, x.dtype, x.lanes, wide(x.a), wide(x.b))
  }
}

/** The same where nothing stands around it: without the parentheses of its own. */
export function printBare(x: Expr, context: WgslContext): string {
  const text = printExpr(x, context)
  const operator = (x.op === 'binary' && x.fn !== 'min' && x.fn !== 'max') || (x.op === 'fold' && x.monoid === 'sum')
  return operator ? text.slice(1, -1) : text
}

/** An element, or four: a vector where they lie in one, else one by one. */
function printLoad(
  name: string,
  isVectors: boolean,
  x: Expr & { op: 'load' | 'loadShared' },
  context: WgslContext,
): string {
  const { index, dtype, lanes } = x
  const truth = (text: string): string =>
    dtype === 'bool' ? `(${text} != ${lanes === 1 ? '0u' : 'vec4<u32>()'})` : text
  if (lanes === 1) {
    if (!isVectors) return truth(`${name}[${printBare(index, context)}]`)
    const at = printExpr(index, context)
    return truth(`${name}[${at} / 4][${at} % 4]`)
  }
  if (isVectors) {
    const at = printQuad(index, context)
    if (at !== undefined) return truth(`${name}[${at}]`)
  }
  const parts = printLanes(index, context).map((at) => (isVectors ? `${name}[${at} / 4][${at} % 4]` : `${name}[${at}]`))
  return truth(`vec4<${storageType(dtype)}>(${parts.join(', ')})`)
}

/** The number of an aligned vector. */
export function printQuad(index: Expr, context: WgslContext): string | undefined {
  const terms = context.alignment.begin(index)
  if (!terms) return undefined
  const quarters = terms.filter((t) => t.op !== 'const' || t.value !== 0).map((t) => printQuarter(t, context))
  return quarters.length === 0 ? '0' : quarters.join(' + ')
}

function printQuarter(e: Expr, context: WgslContext): string {
  if (e.op === 'const') return `${e.value / 4}`
  if (e.op === 'binary' && e.fn === '*' && e.b.op === 'const' && e.b.value === 4) return printExpr(e.a, context)
  return `${printExpr(e, context)} / 4`
}

/** The four indices of a vector. */
export function printLanes(index: Expr, context: WgslContext): readonly string[] {
  if (index.op === 'variable') return COMPONENTS.map((c) => `${index.name}.${c}`)
  if (index.op !== 'ramp') throw new UnsupportedError('an index of four lanes that is neither a run nor has a name')
  const { base } = index
  if (base.op === 'const') return COMPONENTS.map((_, lane) => `${base.value + lane}`)
  const text = printExpr(base, context)
  return COMPONENTS.map((_, lane) => (lane === 0 ? text : `${text} + ${lane}`))
}

function printBinary(x: Expr & { op: 'binary' }, a: string, b: string): string {
  if (x.fn === 'min' || x.fn === 'max') return `${x.fn}(${a}, ${b})`
  return `(${a} ${x.fn === '&&' && x.lanes > 1 ? '&' : x.fn} ${b})`
}

function printFold(monoid: MonoidName, dtype: DType, lanes: Lanes, a: string, b: string): string {
  if (monoid === 'sum') return `(${a} + ${b})`
  if (dtype !== 'bool') return `${monoid}(${a}, ${b})`
  const operator = monoid === 'max' ? '|' : '&'
  return `(${a} ${lanes === 1 ? operator.repeat(2) : operator} ${b})`
}

/** As on every target: (x0 . x2) . (x1 . x3). */
function printAcross(monoid: MonoidName, dtype: DType, x: string, context: WgslContext): string {
  const name = `weft_across_${monoid}_${dtype}`
  const folded = printFold(
    monoid,
    dtype,
    1,
    printFold(monoid, dtype, 1, 'v.x', 'v.z'),
    printFold(monoid, dtype, 1, 'v.y', 'v.w'),
  )
  context.helpers.add(`fn ${name}(v: vec4<${dtype}>) -> ${dtype} {\n  return ${folded};\n}`)
  return `${name}(${x})`
}

function printSubgroupFold(monoid: MonoidName, dtype: DType, x: string): string {
  if (monoid === 'sum') return `subgroupAdd(${x})`
  if (dtype === 'bool') return `${monoid === 'max' ? 'subgroupAny' : 'subgroupAll'}(${x})`
  return `${monoid === 'max' ? 'subgroupMax' : 'subgroupMin'}(${x})`
}

/** A primitive is written for scalars. What reads the same of vectors is written so, the rest lane by lane. */
function printPrim(x: Expr & { op: 'prim' }, context: WgslContext): string {
  const { prim, args, dtype, lanes } = x
  if (prim.wgslHelper) context.helpers.add(prim.wgslHelper)
  const types = { inputs: args.map((a) => a.dtype), output: dtype }
  const texts = args.map((a) => printExpr(a, context))
  if (lanes === 1) return prim.wgsl(texts, types)
  if (OF_VECTORS.test(prim.wgsl(['a', 'b'].slice(0, args.length), types))) {
    const wide = args.map((a, i) => (a.lanes === 1 ? `${typeName(a.dtype, lanes)}(${texts[i]})` : texts[i]!))
    return prim.wgsl(wide, types)
  }
  const each = COMPONENTS.map((c) =>
    prim.wgsl(
      args.map((a, i) => (a.lanes === 1 ? texts[i]! : `${texts[i]}.${c}`)),
      types,
    ),
  )
  return `${typeName(dtype, lanes)}(${each.join(', ')})`
}

/** Operators and functions that WGSL has for vectors as for numbers. */
const OF_VECTORS =
  /^(\(a [-+*/] b\)|\(-a\)|(abs|sign|floor|ceil|round|exp|log|sqrt|inverseSqrt|tanh|sin|cos)\(a\)|(min|max)\(a, b\))$/
