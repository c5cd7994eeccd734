import { DTYPES, type DType } from '../../src/ir/dtype.ts'
import { type Case, host } from './cases.ts'

/**
 * Operands and result of each elementwise primitive, known by hand, by IEEE 754 or from tables of the function:
 * primitive, dtype (and the result's, where it differs), then operands -> result for one element after another.
 * low, high and full are the ends of i32 and u32; a ^ b is a power.
 */
const UNARY = `
neg f32            1 -> -1 | -2 -> 2 | 0 -> -0 | inf -> -inf | nan -> nan
neg i32            5 -> -5 | low -> low | 0 -> 0
neg u32            0 -> 0 | 1 -> full | full -> 1
abs f32            -1.5 -> 1.5 | -0 -> 0 | -inf -> inf | nan -> nan
abs i32            -3 -> 3 | low -> low
abs u32            full -> full
sign f32           -2 -> -1 | -0 -> -0 | 0 -> 0 | 3 -> 1 | inf -> 1 | nan -> nan
sign i32           low -> -1 | 0 -> 0 | 7 -> 1
floor f32          -1.5 -> -2 | -0.5 -> -1 | 0.5 -> 0 | 2 -> 2 | -inf -> -inf | nan -> nan
ceil f32           -1.5 -> -1 | -0.5 -> -0 | 0.5 -> 1 | 2 -> 2 | inf -> inf | nan -> nan
round f32          0.5 -> 0 | 1.5 -> 2 | 2.5 -> 2 | 3.5 -> 4 | -1.5 -> -2 | -2.5 -> -2 | 0.75 -> 1 | -1.25 -> -1
round f32          -0.5 -> -0 | -0.25 -> -0 | -0 -> -0 | 0.49999997 -> 0 | 8388609 -> 8388609 | 1e30 -> 1e30
round f32          inf -> inf | -inf -> -inf | nan -> nan
exp f32            0 -> 1 | 1 -> 2.718281828459045 | -inf -> 0 | inf -> inf | 89 -> inf | nan -> nan
exp f32            88 -> 1.6516362549940018e38 | -88 -> 6.054601895401186e-39
exp f16            0 -> 1 | 11 -> 59874.14 | 12 -> inf
log f32            1 -> 0 | 2 -> 0.6931471805599453 | 0 -> -inf | -1 -> nan | inf -> inf | nan -> nan
sqrt f32           4 -> 2 | 2 -> 1.4142135623730951 | 0 -> 0 | -0 -> -0 | -1 -> nan | inf -> inf
rsqrt f32          4 -> 0.5 | 2 -> 0.7071067811865476 | 0 -> inf | -1 -> nan | inf -> 0
sin f32            0 -> 0 | -0 -> -0 | 1 -> 0.8414709848078965 | 1.5707964 -> 1 | 3.1415927 -> -8.742278e-8 | inf -> nan
cos f32            0 -> 1 | 1 -> 0.5403023058681398 | 1.5707964 -> -4.371139e-8 | 3.1415927 -> -1 | -inf -> nan
tanh f32           0 -> 0 | 1 -> 0.7615941559557649 | 20 -> 1 | -20 -> -1 | inf -> 1 | -inf -> -1 | nan -> nan
sigmoid f32        0 -> 0.5 | 1 -> 0.7310585786300049 | -100 -> 3.720075976020836e-44 | 1000 -> 1 | -1000 -> 0
sigmoid f32        inf -> 1 | -inf -> 0 | nan -> nan
erf f32            0 -> 0 | -0 -> -0 | 0.5 -> 0.5204998778130465 | 1 -> 0.8427007929497149 | -1 -> -0.8427007929497149
erf f32            2 -> 0.9953222650189527 | 3 -> 0.9999779095030014 | 3.5 -> 0.9999992569016276 | 1e-30 -> 1.1283791670955126e-30
erf f32            inf -> 1 | -inf -> -1 | nan -> nan
not bool           0 -> 1 | 1 -> 0
not i32            0 -> -1 | -1 -> 0 | high -> low
not u32            0 -> full | full -> 0 | 1 -> 4294967294
stop_gradient f16  1.5 -> 1.5 | -0 -> -0 | inf -> inf | nan -> nan | 2^-24 -> 2^-24
stop_gradient bool 0 -> 0 | 1 -> 1
barrier u32        full -> full
barrier f32        nan -> nan | -0 -> -0
`

const BINARY = `
add f32      1 2 -> 3 | inf -inf -> nan | nan 1 -> nan | 3e38 3e38 -> inf | 16777216 1 -> 16777216 | -0 -0 -> -0
add f16      65504 65504 -> inf | 2048 1 -> 2048 | 2048 3 -> 2052 | 2^-24 2^-24 -> 2^-23
add i32      high 1 -> low | low -1 -> high | 2 3 -> 5
add u32      full 1 -> 0 | full full -> 4294967294
sub f32      1 3 -> -2 | inf inf -> nan | 1 1 -> 0
sub i32      low 1 -> high
sub u32      0 1 -> full
mul f32      2 -3 -> -6 | 0 inf -> nan | 1e30 1e30 -> inf | 0 -1 -> -0
mul i32      65536 65536 -> 0 | high high -> 1 | low -1 -> low | -3 7 -> -21
mul u32      full full -> 1 | 3000000000 2 -> 1705032704
div f32      1 4 -> 0.25 | 1 0 -> inf | -1 0 -> -inf | 0 0 -> nan | 1 3 -> 0.3333333333333333
div i32      7 -2 -> -3 | -7 2 -> -3 | 5 0 -> 5 | low -1 -> low | -1 2 -> 0
div u32      full 2 -> high | 7 0 -> 7
rem f32      5.5 2 -> 1.5 | -5.5 2 -> -1.5 | 5.5 -2 -> 1.5 | 1 0 -> nan | inf 2 -> nan | 3 inf -> 3
rem i32      -7 3 -> -1 | 7 -3 -> 1 | 5 0 -> 0 | low -1 -> 0
rem u32      full 10 -> 5 | 5 0 -> 0
pow f32      2 10 -> 1024 | -2 3 -> -8 | -2 2 -> 4 | 0 0 -> 1 | 0 5 -> 0 | 2 -1 -> 0.5 | 9 0.5 -> 3 | -8 0.5 -> nan
max2 f32     1 2 -> 2 | -0 0 -> 0 | nan 1 -> nan | 1 nan -> nan | -inf -1 -> -1
max2 u32     full 1 -> full
min2 f32     1 2 -> 1 | 0 -0 -> -0 | nan 1 -> nan | inf 5 -> 5
min2 i32     low high -> low
and bool     0 0 -> 0 | 0 1 -> 0 | 1 0 -> 0 | 1 1 -> 1
and u32      full 2863311530 -> 2863311530 | 12 10 -> 8
or bool      0 0 -> 0 | 0 1 -> 1 | 1 0 -> 1 | 1 1 -> 1
or i32       12 10 -> 14 | low 1 -> -2147483647
xor bool     0 0 -> 0 | 0 1 -> 1 | 1 0 -> 1 | 1 1 -> 0
xor u32      full 1 -> 4294967294 | 12 10 -> 6
shl i32      1 31 -> low | 1 32 -> 1 | -1 4 -> -16 | 1 -1 -> low
shl u32      1 31 -> 2147483648 | 3 33 -> 6 | 1 full -> 2147483648
shr i32      -8 1 -> -4 | low 31 -> -1 | 8 33 -> 4
shr u32      4294967288 1 -> 2147483644 | full 31 -> 1 | 8 33 -> 4
eq f32 bool  1 1 -> 1 | 0 -0 -> 1 | nan nan -> 0 | inf inf -> 1
eq bool bool 1 1 -> 1 | 1 0 -> 0
ne f32 bool  1 1 -> 0 | 0 -0 -> 0 | nan nan -> 1
lt f32 bool  1 2 -> 1 | 2 1 -> 0 | 1 1 -> 0 | nan 1 -> 0 | -inf inf -> 1
lt i32 bool  -1 1 -> 1
lt u32 bool  full 1 -> 0
le f16 bool  1 1 -> 1 | 2 1 -> 0 | nan nan -> 0
gt u32 bool  full 1 -> 1 | 1 1 -> 0
gt f32 bool  1 nan -> 0 | 0 -0 -> 0
ge i32 bool  low high -> 0 | 3 3 -> 1
`

const CASTS = `
cast f32 i32   1.9 -> 1 | -1.9 -> -1 | -0.5 -> 0 | 3e9 -> high | -3e9 -> low | inf -> high | -inf -> low | nan -> 0
cast f32 u32   1.9 -> 1 | -1.9 -> 0 | 4e9 -> 4000000000 | 5e9 -> full | inf -> full | -inf -> 0 | nan -> 0
cast f32 bool  0 -> 0 | -0 -> 0 | 0.1 -> 1 | -inf -> 1 | nan -> 1
cast f32 f16   1 -> 1 | 2049 -> 2048 | 2051 -> 2052 | 65504 -> 65504 | 65519 -> 65504 | 65520 -> inf | -1e9 -> -inf
cast f32 f16   2^-24 -> 2^-24 | 2^-25 -> 0 | 4.5e-8 -> 2^-24 | -0 -> -0 | nan -> nan
cast f16 f32   0.0999755859375 -> 0.0999755859375 | 65504 -> 65504 | 2^-24 -> 2^-24 | -inf -> -inf
cast f16 i32   -1.5 -> -1 | inf -> high | nan -> 0
cast i32 u32   -1 -> full | low -> 2147483648 | 7 -> 7
cast u32 i32   full -> -1 | 2147483648 -> low | 7 -> 7
cast i32 f32   16777217 -> 16777216 | 16777219 -> 16777220 | low -> low
cast u32 f32   full -> 4294967296 | 1 -> 1
cast i32 f16   2049 -> 2048 | 70000 -> inf | -3 -> -3
cast i32 bool  0 -> 0 | -1 -> 1
cast bool i32  1 -> 1 | 0 -> 0
cast bool f16  1 -> 1 | 0 -> 0
cast bool bool 1 -> 1 | 0 -> 0
`

const CONSTANTS: Readonly<Record<string, number>> = {
  inf: Infinity,
  '-inf': -Infinity,
  nan: Number.NaN,
  low: -2147483648,
  high: 2147483647,
  full: 4294967295,
}

function readNumber(text: string): number {
  const [base, exponent] = text.split('^')
  const value = CONSTANTS[text] ?? (exponent === undefined ? Number(text) : Number(base) ** Number(exponent))
  if (Number.isNaN(value) && text !== 'nan') throw new Error(`no number: ${text}`)
  return value
}

function readDType(text: string): DType {
  const dtype = DTYPES.find((d) => d === text)
  if (!dtype) throw new Error(`no dtype: ${text}`)
  return dtype
}

function readLine(line: string): Case {
  const words = line.split(/ +/)
  const prim = words[0]!
  const from = readDType(words[1]!)
  const differs = DTYPES.some((d) => d === words[2])
  const to = differs ? readDType(words[2]!) : from
  const elements = words
    .slice(differs ? 3 : 2)
    .join(' ')
    .split(' | ')
    .map((element) => element.split(/ -> | /).map(readNumber))
  const column = (k: number): number[] => elements.map((e) => e.at(k)!)
  return {
    prim,
    inputs: elements[0]!.slice(1).map((_, k) => host(from, column(k))),
    attrs: prim === 'cast' ? { dtype: to } : {},
    want: [host(to, column(-1))],
  }
}

export const ELEMENTWISE: readonly Case[] = [UNARY, BINARY, CASTS].flatMap((table) =>
  table.trim().split('\n').map(readLine),
)
