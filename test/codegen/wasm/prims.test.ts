import { describe, expect, it } from 'vitest'

import { DTYPES, type DType, f16ToNumber, numberToF16 } from '../../../src/ir/dtype.ts'
import { tensorType } from '../../../src/ir/graph.ts'
import type { ElementOps, ElementwisePrim } from '../../../src/ir/prim.ts'
import { applyPrim, ELEMENTWISE, elementwise } from './apply.ts'
import { type DeviceArray, deviceArray } from './run.ts'

const FLOATS = [0, -0, 1, -1, 0.5, 2.5, -2.5, 3, 7.25, 100, -100, 1e-6, 60000, Infinity, -Infinity, NaN, 6e-8]
const INTS = [0, 1, -1, 2, 3, 7, -7, 31, 33, 1000, -1000, 2147483647, -2147483648]
const VALUES: Record<DType, readonly number[]> = {
  f32: [...FLOATS, 1e-40, 3e9, -3e9, 5e9, 3e38, 16777217, 65519, 65520],
  f16: FLOATS,
  i32: INTS,
  u32: [...INTS.map((n) => n >>> 0), 4000000000],
  bool: [0, 1],
}

const stored = (dtype: DType, value: number): number => (dtype === 'f16' ? numberToF16(value) : value)
const loaded = (dtype: DType, value: number): number => (dtype === 'f16' ? f16ToNumber(value) : value)

/** Every choice of one value per operand, padded to whole vectors. */
function operands(types: readonly DType[]): readonly (readonly number[])[] {
  let rows: readonly (readonly number[])[] = [[]]
  for (const dtype of types) rows = rows.flatMap((row) => VALUES[dtype].map((v) => [...row, v]))
  const missing = (4 - (rows.length % 4)) % 4
  return [...rows, ...rows.slice(0, missing)]
}

/** Operand dtypes and results that a primitive takes. */
function signatures(prim: ElementwisePrim): readonly { types: readonly DType[]; output: DType }[] {
  if (prim.name === 'cast') return DTYPES.flatMap((from) => DTYPES.map((output) => ({ types: [from], output })))
  return DTYPES.flatMap((dtype) => {
    const types: DType[] = prim.name === 'select' ? ['bool', dtype, dtype] : new Array<DType>(prim.arity).fill(dtype)
    try {
      const [type] = prim.infer(
        types.map((t) => tensorType(t, [1])),
        {},
      )
      return [{ types, output: type!.dtype }]
    } catch {
      return []
    }
  })
}

/** Sines of arguments whose neighbours lie far apart are only bounded. */
const isArbitrary = (name: string, args: readonly number[]): boolean =>
  (name === 'sin' || name === 'cos') && Number.isFinite(args[0]) && Math.abs(args[0]!) > 1e6

const APPROXIMATE = new Set('exp log tanh sigmoid erf sin cos pow rsqrt'.split(' '))
/** Below it exp and what rests on it may give 0. */
const SMALLEST = 2 ** -126

function expectNear(got: number, want: number, dtype: DType, what: string): void {
  const close = Math.abs(got - want) <= Math.abs(want) * (dtype === 'f16' ? 2 ** -10 : 2 ** -19) + SMALLEST
  const finest = dtype === 'f16' && Math.abs(got - want) <= 2 ** -24
  if (!close && !finest) expect(got, what).toBe(want)
}

describe('elementwise primitives', () => {
  it('are each one operation on their operands in order, and no two the same but for identities', () => {
    const called = ELEMENTWISE.map((prim) => {
      const operands = ['first', 'second', 'third'].slice(0, prim.arity)
      const calls: string[] = []
      const record =
        (name: string) =>
        (...args: string[]) => {
          expect(args, prim.name).toEqual(operands)
          calls.push(name)
          return name
        }
      const ops = new Proxy({}, { get: (_, name) => record(String(name)) }) as ElementOps<string, string>
      const result = prim.apply(ops, operands)
      expect(calls, prim.name).toEqual([result])
      return result
    })
    const others = called.filter((name) => name !== 'same')
    expect(new Set(others).size).toBe(others.length)
    expect(called.length - others.length).toBe(2)
  })

  const cases = ELEMENTWISE.flatMap((prim) =>
    signatures(prim).map((s) => ({ ...s, prim, title: `${prim.name}(${s.types}) -> ${s.output}` })),
  )
  it.each(cases)('$title is the reference, and alike in scalars and vectors', ({ prim, types, output }) => {
    const rows = operands(types)
    const inputs = types.map((dtype, i) => {
      const a = deviceArray(dtype, rows.length)
      rows.forEach((row, n) => {
        a[n] = stored(dtype, row[i]!)
      })
      return a
    })
    const [scalar, vector] = ([1, 4] as const).map((lanes) => applyPrim({ prim, types, output, inputs, lanes }))
    expect(vector).toEqual(scalar)
    const one = deviceArray(output, 1)
    rows.forEach((_, n) => {
      const args = inputs.map((a: DeviceArray, i) => loaded(types[i]!, a[n]!))
      if (isArbitrary(prim.name, args)) return
      one[0] = stored(output, prim.scalar(args, { inputs: types, output }))
      const got = loaded(output, scalar![n]!)
      const want = loaded(output, one[0])
      if (APPROXIMATE.has(prim.name)) expectNear(got, want, output, `${prim.name}(${args})`)
      else expect(got, `${prim.name}(${args})`).toBe(want)
    })
  })
})

describe('half precision', () => {
  it.each([1, 4] as const)('holds every number that it has, in %i lanes', (lanes) => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const prim = elementwise('cast')
    const singles = applyPrim({ prim, types: ['f16'], output: 'f32', inputs: [all], lanes })
    const back = applyPrim({ prim, types: ['f32'], output: 'f16', inputs: [singles], lanes })
    all.forEach((bits, i) => {
      const want = f16ToNumber(bits)
      if (!Object.is(singles[i], want)) expect(singles[i], `bits ${bits}`).toBe(want)
      if (!Number.isNaN(want) && back[i] !== bits) expect(back[i], `bits ${bits}`).toBe(bits)
    })
  })

  it.each([1, 4] as const)('is rounded to the nearest, ties to even, in %i lanes', (lanes) => {
    const bits = Uint32Array.from({ length: 400_000 }, (_, i) => Math.imul(i, 10_733))
    const ties = Uint32Array.from({ length: 65536 }, (_, i) => (i << 13) + 0x1000)
    for (const inputs of [new Float32Array(bits.buffer), new Float32Array(ties.buffer)]) {
      const out = applyPrim({ prim: elementwise('cast'), types: ['f32'], output: 'f16', inputs: [inputs], lanes })
      inputs.forEach((value, i) => {
        const want = f16ToNumber(numberToF16(value))
        if (!Object.is(f16ToNumber(out[i]!), want)) expect(f16ToNumber(out[i]!), `${value}`).toBe(want)
      })
    }
  })
})
