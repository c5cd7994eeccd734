import type { Kernel, Stmt } from '../kernel-ir.ts'
import { boundBuffers } from '../kernel-walk.ts'
import { stripComments } from '../target.ts'
import { Alignment } from './alignment.ts'
import { vectorViews } from './vector-views.ts'
import {
  COMPONENTS,
  printBare,
  printExpr,
  printLanes,
  printQuad,
  storageType,
  typeName,
  type WgslContext,
} from './wgsl-expressions.ts'

/** Prints a kernel as WGSL. Booleans are u32 in buffers and bool in expressions. */
export function printWgsl(kernel: Kernel): string {
  const alignment = new Alignment(kernel)
  const views = vectorViews(kernel, alignment)
  const context: WgslContext = { helpers: new Set(), aliases: kernel.aliases, views, alignment }
  const bound = boundBuffers(kernel)
  const [x, y, z] = kernel.workgroupSize
  const body = printBlock(kernel.body, 1, context)
  const shared = kernel.shared.map(({ name, dtype, length, ofThread }) => {
    const type = storageType(dtype)
    const elements = views.arrays.has(name) ? `vec4<${type}>, ${length / 4}` : `${type}, ${length}`
    return `var<${ofThread ? 'private' : 'workgroup'}> ${name}: array<${elements}>;`
  })
  const params =
    kernel.params.length === 0
      ? []
      : [
          'struct Params {',
          ...kernel.params.map((p) => `  ${p}: i32,`),
          '}',
          `@group(0) @binding(${bound.length}) var<uniform> params: Params;`,
        ]
  const subgroups = usesSubgroups(body)
  const text = [
    ...kernel.comments.map((c) => `// ${c}`),
    ...bound.map((b, binding) => {
      const { access, dtype, comment } = kernel.buffers[b]!
      const element = views.buffers.has(b) ? `vec4<${storageType(dtype)}>` : storageType(dtype)
      return `@group(0) @binding(${binding}) var<storage, ${access}> b${b}: array<${element}>; // ${comment}`
    }),
    ...params,
    ...shared,
    ...[...context.helpers].sort(),
    `@compute @workgroup_size(${x}, ${y}, ${z})`,
    'fn main(@builtin(global_invocation_id) global_id: vec3u, @builtin(local_invocation_id) local_id: vec3u,',
    ...(subgroups ? ['        @builtin(subgroup_invocation_id) subgroup_lane: u32,'] : []),
    '        @builtin(workgroup_id) group_id: vec3u, @builtin(num_workgroups) group_count: vec3u) {',
    ...(body.includes('global_x') ? [`  let global_x = i32(global_id.x + global_id.y * group_count.x * ${x}u);`] : []),
    body,
    '}',
    '',
  ].join('\n')
  const enables = [...(usesF16(text) ? ['enable f16;'] : []), ...(subgroups ? ['enable subgroups;'] : [])]
  return [...enables, text].join('\n')
}

/** Does the text speak of f16, in a buffer or anywhere between? */
export const usesF16 = (wgsl: string): boolean => /\bf16\b|\dh\b/.test(stripComments(wgsl))

export const usesSubgroups = (wgsl: string): boolean => /\bsubgroup/.test(stripComments(wgsl))

const pad = (level: number): string => '  '.repeat(level)

function printBlock(stmts: readonly Stmt[], level: number, context: WgslContext): string {
  return stmts.map((s) => printStmt(s, level, context)).join('\n')
}

function printStmt(s: Stmt, level: number, context: WgslContext): string {
  const block = (body: readonly Stmt[]): string => `{\n${printBlock(body, level + 1, context)}\n${pad(level)}}`
  switch (s.kind) {
    case 'let':
      return `${pad(level)}let ${s.name} = ${printBare(s.value, context)};${s.comment ? ` // ${s.comment}` : ''}`
    case 'var': {
      const type = typeName(s.dtype, s.lanes)
      const init = printExpr(s.init, context)
      return `${pad(level)}var ${s.name}: ${type} = ${s.init.lanes < s.lanes ? `${type}(${init})` : init};`
    }
    case 'assign':
      return `${pad(level)}${s.name} = ${printBare(s.value, context)};`
    case 'for': {
      const [from, to, step] = [s.from, s.to, s.step].map((x) => printBare(x, context))
      return `${pad(level)}for (var ${s.name} = ${from}; ${s.name} < ${to}; ${s.name} += ${step}) ${block(s.body)}`
    }
    case 'if':
      return `${pad(level)}if (${printBare(s.condition, context)}) ${block(s.body)}`
    case 'store':
      return printStore(
        `b${context.aliases.get(s.buffer) ?? s.buffer}`,
        context.views.buffers.has(s.buffer),
        s,
        level,
        context,
      )
    case 'storeShared':
      return printStore(s.array, context.views.arrays.has(s.array), s, level, context)
    case 'barrier':
      return `${pad(level)}workgroupBarrier();`
    case 'comment':
      return `${pad(level)}// ${s.text}`
  }
}

function printStore(
  name: string,
  isVectors: boolean,
  { index, value }: Stmt & { kind: 'store' | 'storeShared' },
  level: number,
  context: WgslContext,
): string {
  const text = printExpr(value, context)
  const stored = (x: string, type = 'u32'): string => (value.dtype === 'bool' ? `${type}(${x})` : x)
  if (index.lanes === 1) {
    return `${pad(level)}${name}[${printBare(index, context)}] = ${stored(printBare(value, context))};`
  }
  const same = value.lanes === 1
  if (isVectors) {
    const vector = stored(same ? `${typeName(value.dtype, 4)}(${text})` : text, 'vec4<u32>')
    return `${pad(level)}${name}[${printQuad(index, context)}] = ${vector};`
  }
  const parts = printLanes(index, context).map((at, lane) => {
    return `${name}[${at}] = ${stored(same ? text : `${text}.${COMPONENTS[lane]}`)};`
  })
  return `${pad(level)}${parts.join(' ')}`
}
