import { type DType, f16ToNumber, numberToF16 } from '../../ir/dtype.ts'
import type { ElementwisePrim } from '../../ir/prim.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { Expr, Kernel, Stmt } from '../kernel-ir.ts'
import { stripComments } from '../target.ts'

/** Prints a kernel as WGSL. Booleans are u32 in buffers and bool in expressions. @throws UnsupportedError on vectors */
export function printWgsl(kernel: Kernel): string {
  const context: Context = { helpers: new Set(), aliases: kernel.aliases }
  const bound = kernel.buffers.map((_, i) => i).filter((i) => !kernel.aliases.has(i))
  const [x, y, z] = kernel.workgroupSize
  const body = printBlock(kernel.body, 1, context)
  const shared = kernel.shared.map((s) => `var<workgroup> ${s.name}: array<${storageType(s.dtype)}, ${s.length}>;`)
  const params =
    kernel.params.length === 0
      ? []
      : [
          'struct Params {',
          ...kernel.params.map((p) => `  ${p}: i32,`),
          '}',
          `@group(0) @binding(${bound.length}) var<uniform> params: Params;`,
        ]
  const text = [
    ...kernel.comments.map((c) => `// ${c}`),
    ...bound.map((b, binding) => {
      const { access, dtype, comment } = kernel.buffers[b]!
      return `@group(0) @binding(${binding}) var<storage, ${access}> b${b}: array<${storageType(dtype)}>; // ${comment}`
    }),
    ...params,
    ...shared,
    ...[...context.helpers].sort(),
    `@compute @workgroup_size(${x}, ${y}, ${z})`,
    'fn main(@builtin(global_invocation_id) global_id: vec3u, @builtin(local_invocation_id) local_id: vec3u,',
    '        @builtin(workgroup_id) group_id: vec3u, @builtin(num_workgroups) group_count: vec3u) {',
    `  let global_x = i32(global_id.x + global_id.y * group_count.x * ${x}u);`,
    body,
    '}',
    '',
  ].join('\n')
  return usesF16(text) ? `enable f16;\n${text}` : text
}

/** Does the text speak of f16, in a buffer or anywhere between? */
export const usesF16 = (wgsl: string): boolean => /\bf16\b|\dh\b/.test(stripComments(wgsl))

const storageType = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype)
interface Context {
  /** WGSL functions that the body calls. */
  readonly helpers: Set<string>
  readonly aliases: ReadonlyMap<number, number>
}

const bufferName = (i: number, { aliases }: Context): string => `b${aliases.get(i) ?? i}`
const pad = (level: number): string => '  '.repeat(level)

function printBlock(stmts: readonly Stmt[], level: number, context: Context): string {
  return stmts.map((s) => printStmt(s, level, context)).join('\n')
}

function printStmt(s: Stmt, level: number, context: Context): string {
  const e = (x: Expr): string => printExpr(x, context)
  const stored = (x: Expr): string => (x.dtype === 'bool' ? `u32(${e(x)})` : e(x))
  const block = (body: readonly Stmt[]): string => `{\n${printBlock(body, level + 1, context)}\n${pad(level)}}`
  switch (s.kind) {
    case 'let':
      return `${pad(level)}let ${s.name} = ${e(s.value)};${s.comment ? ` // ${s.comment}` : ''}`
    case 'var':
      return `${pad(level)}var ${s.name}: ${s.dtype} = ${e(s.init)};`
    case 'assign':
      return `${pad(level)}${s.name} = ${e(s.value)};`
    case 'for':
      return `${pad(level)}for (var ${s.name} = ${e(s.from)}; ${s.name} < ${e(s.to)}; ${s.name} += ${e(s.step)}) ${block(s.body)}`
    case 'if':
      return `${pad(level)}if (${e(s.condition)}) ${block(s.body)}`
    case 'store':
      return `${pad(level)}${bufferName(s.buffer, context)}[${e(s.index)}] = ${stored(s.value)};`
    case 'storeShared':
      return `${pad(level)}${s.array}[${e(s.index)}] = ${stored(s.value)};`
    case 'barrier':
      return `${pad(level)}workgroupBarrier();`
    case 'comment':
      return `${pad(level)}// ${s.text}`
  }
}

const BUILTINS = {
  global_x: 'global_x',
  local_x: 'i32(local_id.x)',
  local_y: 'i32(local_id.y)',
  group_x: 'i32(group_id.x)',
  group_y: 'i32(group_id.y)',
  group_z: 'i32(group_id.z)',
}

function printExpr(x: Expr, context: Context): string {
  const e = (y: Expr): string => printExpr(y, context)
  switch (x.op) {
    case 'const':
      return printConst(x.value, x.dtype, context)
    case 'param':
      return `params.${x.name}`
    case 'builtin':
      return BUILTINS[x.name]
    case 'variable':
      return x.name
    case 'load':
      return x.dtype === 'bool'
        ? `(${bufferName(x.buffer, context)}[${e(x.index)}] != 0u)`
        : `${bufferName(x.buffer, context)}[${e(x.index)}]`
    case 'loadShared':
      return x.dtype === 'bool' ? `(${x.array}[${e(x.index)}] != 0u)` : `${x.array}[${e(x.index)}]`
    case 'binary':
      return x.fn === 'min' || x.fn === 'max' ? `${x.fn}(${e(x.a)}, ${e(x.b)})` : `(${e(x.a)} ${x.fn} ${e(x.b)})`
    case 'select':
      return `select(${e(x.b)}, ${e(x.a)}, ${e(x.condition)})`
    case 'cast':
      return x.dtype === 'bool' ? `(${e(x.x)} != ${printConst(0, x.x.dtype, context)})` : `${x.dtype}(${e(x.x)})`
    case 'prim':
      return printPrim(x.prim, x.args, x.dtype, context)
    case 'random':
      context.helpers.add(THREEFRY)
      return `weft_threefry(${x.args.map(e).join(', ')})`
    case 'ramp':
    case 'fma':
    case 'across':
      throw new UnsupportedError(
        `${x.op}: WGSL kernels are scalar, one thread an element; only CPU schedules make vectors`,
      )
    case 'fold':
      return x.monoid === 'sum' ? `(${e(x.a)} + ${e(x.b)})` : printExtremum(x.monoid, x.dtype, e(x.a), e(x.b))
  }
}

const printExtremum = (monoid: 'max' | 'min', dtype: DType, a: string, b: string): string =>
  dtype === 'bool' ? `(${a} ${monoid === 'max' ? '||' : '&&'} ${b})` : `${monoid}(${a}, ${b})`

function printPrim(prim: ElementwisePrim, args: readonly Expr[], output: DType, context: Context): string {
  if (prim.wgslHelper) context.helpers.add(prim.wgslHelper)
  return prim.wgsl(
    args.map((a) => printExpr(a, context)),
    { inputs: args.map((a) => a.dtype), output },
  )
}

function printConst(value: number, dtype: DType, context: Context): string {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  // Integers wrap as they do in a typed array.
  if (dtype === 'i32') return (value | 0) === -2147483648 ? 'i32(-2147483647 - 1)' : `${value | 0}`
  if (dtype === 'u32') return `${value >>> 0}u`
  // As it is stored: what lies beyond the dtype is infinite.
  const stored = dtype === 'f32' ? Math.fround(value) : f16ToNumber(numberToF16(value))
  if (Number.isFinite(stored)) return printFinite(stored, dtype)
  context.helpers.add(NON_FINITE)
  const text = Number.isNaN(stored)
    ? 'weft_float(0x7fc00000u)'
    : `weft_float(${stored > 0 ? '0x7f800000u' : '0xff800000u'})`
  return dtype === 'f32' ? text : `f16(${text})`
}

/** WGSL refuses infinities and NaN in constant expressions; through a variable their bits pass. */
const NON_FINITE = `var<private> weft_bits: u32;
fn weft_float(bits: u32) -> f32 {
  weft_bits = bits;
  return bitcast<f32>(weft_bits);
}`

function printFinite(value: number, dtype: DType): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value)
  const decimal = /[.e]/.test(text) ? text : `${text}.0`
  const suffixed = `${decimal}${dtype === 'f32' ? 'f' : 'h'}`
  return suffixed.startsWith('-') ? `(${suffixed})` : suffixed
}

const THREEFRY = `fn weft_threefry(k0: u32, k1: u32, c0: u32) -> u32 {
  // Threefry-2x32, 20 rounds, counter (c0, 0); see random_bits.
  let keys = array<u32, 3>(k0, k1, k0 ^ k1 ^ 0x1bd11bdau);
  let rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var x = c0 + k0;
  var y = k1;
  for (var round = 0u; round < 20u; round++) {
    let r = rotations[round % 8u];
    x = x + y;
    y = ((y << r) | (y >> (32u - r))) ^ x;
    if (round % 4u == 3u) {
      let injection = (round + 1u) / 4u;
      x = x + keys[injection % 3u];
      y = y + keys[(injection + 1u) % 3u] + injection;
    }
  }
  return x;
}`
