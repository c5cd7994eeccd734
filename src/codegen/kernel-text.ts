import { type DType, f16ToNumber, numberToF16 } from '../ir/dtype.ts'
import type { Expr, Kernel, Lanes, Stmt } from './kernel-ir.ts'

/**
 * A kernel for a person to read. It is also what tells kernels apart: texts that are equal but for comments mean
 * kernels that are equal but for the values of their parameters and the length of the last shared array.
 */
export function printKernelText(kernel: Kernel): string {
  const groupSize = kernel.workgroupSize.join(', ')
  return [
    ...kernel.comments.map((c) => `// ${c}`),
    ...kernel.buffers.map(({ dtype, access, comment }, i) => {
      const alias = kernel.aliases.get(i)
      return `buffer b${i}: ${dtype}[] ${access}${alias === undefined ? '' : ` in b${alias}`} // ${comment}`
    }),
    ...kernel.params.map((p) => `param ${p}: i32`),
    ...kernel.shared.map(({ name, dtype, length }, i) =>
      i === kernel.shared.length - 1
        ? `scratch ${name}: ${dtype}[] // ${length}`
        : `scratch ${name}: ${dtype}[${length}]`,
    ),
    `kernel${groupSize === '1, 1, 1' ? '' : ` of ${groupSize} threads`} {`,
    ...printBlock(kernel.body, 1),
    '}',
    '',
  ].join('\n')
}

const printBlock = (body: readonly Stmt[], level: number): readonly string[] => body.flatMap((s) => printStmt(s, level))

const typeName = (dtype: DType, lanes: Lanes): string => (lanes === 4 ? `${dtype}x4` : dtype)

function printStmt(s: Stmt, level: number): readonly string[] {
  const pad = '  '.repeat(level)
  const block = (head: string, body: readonly Stmt[]): readonly string[] => [
    `${pad}${head} {`,
    ...printBlock(body, level + 1),
    `${pad}}`,
  ]
  switch (s.kind) {
    case 'let': {
      const type = typeName(s.value.dtype, s.value.lanes)
      return [`${pad}let ${s.name}: ${type} = ${print(s.value)}${s.comment ? ` // ${s.comment}` : ''}`]
    }
    case 'var':
      return [`${pad}var ${s.name}: ${typeName(s.dtype, s.lanes)} = ${print(s.init)}`]
    case 'assign':
      return [`${pad}${s.name} = ${print(s.value)}`]
    case 'for':
      return block(
        `for (${s.name} = ${print(s.from)}; ${s.name} < ${print(s.to)}; ${s.name} += ${print(s.step)})`,
        s.body,
      )
    case 'if':
      return block(`if (${print(s.condition)})`, s.body)
    case 'store':
      return [`${pad}b${s.buffer}[${printIndex(s.index)}] = ${print(s.value)}`]
    case 'storeShared':
      return [`${pad}${s.array}[${printIndex(s.index)}] = ${print(s.value)}`]
    case 'barrier':
      return [`${pad}barrier`]
    case 'comment':
      return [`${pad}// ${s.text}`]
  }
}

const printIndex = (index: Expr): string => (index.op === 'ramp' ? `${print(index.base)}..+4` : print(index))
const printAll = (list: readonly Expr[]): string => list.map(print).join(', ')

function print(e: Expr): string {
  switch (e.op) {
    case 'const':
      return printConst(e.value, e.dtype)
    case 'param':
    case 'builtin':
    case 'variable':
      return e.name
    case 'load':
      return `b${e.buffer}[${printIndex(e.index)}]`
    case 'loadShared':
      return `${e.array}[${printIndex(e.index)}]`
    case 'loadUniform':
      return `uniform(${e.array})`
    case 'binary':
      return e.fn === 'min' || e.fn === 'max'
        ? `${e.fn}(${printAll([e.a, e.b])})`
        : `(${print(e.a)} ${e.fn} ${print(e.b)})`
    case 'select':
      return `(${print(e.condition)} ? ${print(e.a)} : ${print(e.b)})`
    case 'cast':
      return `${e.dtype}(${print(e.x)})`
    case 'prim':
      return `${e.prim.name}${e.dtype === e.args[0]!.dtype ? '' : `_${e.dtype}`}(${printAll(e.args)})`
    case 'random':
      return `random(${printAll(e.args)})`
    case 'fold':
      return `fold_${e.monoid}(${printAll([e.a, e.b])})`
    case 'ramp':
      return `(${print(e.base)}..+4)`
    case 'fma':
      return `fma(${printAll([e.a, e.b, e.c])})`
    case 'across':
      return `across_${e.monoid}(${print(e.x)})`
    case 'lane':
      return `${print(e.x)}[${e.lane}]`
    case 'pack':
      return `(${printAll(e.parts)})`
    case 'broadcast':
      return `broadcast(${print(e.x)}, ${e.from})`
    case 'subgroupFold':
      return `subgroup_${e.monoid}(${print(e.x)})`
  }
}

/** The number as the dtype holds it, exactly. */
function printConst(value: number, dtype: DType): string {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  if (dtype === 'i32') return `${value | 0}`
  if (dtype === 'u32') return `${value >>> 0}u`
  const stored = dtype === 'f32' ? Math.fround(value) : f16ToNumber(numberToF16(value))
  return `${Object.is(stored, -0) ? '-0' : stored}${dtype === 'f32' ? 'f' : 'h'}`
}
