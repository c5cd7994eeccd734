import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { stripComments } from '../../src/codegen/target.ts'
import { compile } from '../../src/compile.ts'
import type { DType } from '../../src/ir/dtype.ts'
import { and, cast, lt, mul, sum, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { attention } from '../../src/nn/attention.ts'
import { type AttentionOptions, attentionByDefinition } from '../../src/nn/attention-definition.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import { addGroups, rescore, type Variant, variant } from '../../src/nn/variant.ts'
import {
  alibiScore,
  alibiSlopes,
  blockDiagonal,
  causal,
  causalMask,
  causalPadded,
  full,
  padding,
  prefix,
  slidingWindow,
  softCap,
} from '../../src/nn/variants.ts'
import type { Device } from '../../src/runtime/device.ts'
import { randomTensors } from '../nn/oracle.ts'
import { openUnderTest, UNDER_TEST } from './under-test.ts'

/**
 * Attention in one kernel, and its derivative in two, against its definition in plain operations on the reference
 * evaluator. Kernels take seconds to compile on WebGPU, so that some sizes are tried on WebAssembly alone.
 */
let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

/** B samples, H query heads, K key heads, Tq queries, Tk keys, E and D features. */
type Sizes = readonly [B: number, H: number, K: number, Tq: number, Tk: number, E: number, D: number]
/** The operands, and whatever the variant captures. */
type Operands = { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor } & { readonly [name: string]: Tensor }
type Make = (operands: Operands) => Variant
type Attention = typeof attention
interface Case {
  readonly options?: AttentionOptions
  readonly dtype?: DType
  readonly captured?: { readonly [name: string]: Tensor }
  readonly on?: Device
}

function operandsOf([B, H, K, Tq, Tk, E, D]: Sizes, { captured = {}, dtype = 'f32' }: Case): Operands {
  const [q, k, v] = randomTensors(7, [B, H, Tq, E], [B, K, Tk, E], [B, K, Tk, D]).map((t) => cast(t, dtype))
  return { q: q!, k: k!, v: v!, ...captured }
}

const forward =
  (make: Make, { options }: Case) =>
  (at: Attention) =>
  (operands: Operands): { readonly [name: string]: Tensor } => ({
    out: cast(at(operands.q, operands.k, operands.v, make(operands), options), 'f32'),
  })

/** The output, and the cotangents of every operand that has one for a cotangent of the output that varies. */
const withGradients =
  (make: Make, given: Case) =>
  (at: Attention) =>
  (operands: Operands): { readonly [name: string]: Tensor } => {
    const { out } = forward(make, given)(at)(operands)
    const [weights] = randomTensors(8, out!.shape)
    const loss = (o: Operands): Tensor => sum(mul(forward(make, given)(at)(o)['out']!, weights!))
    const cts = grad(loss)(operands)
    return { out: out!, ...Object.fromEntries(Object.entries(cts).map(([name, ct]) => [`d${name}`, cast(ct, 'f32')])) }
  }

/** What the device computes is what the definition says, and again the same bits. Returns the results by name. */
async function agrees(
  make: Make,
  sizes: Sizes,
  given: Case = {},
  what = withGradients,
): Promise<Map<string, number[]>> {
  const operands = operandsOf(sizes, given)
  const compiled = compile(what(make, given)(attention), [operands], { device: given.on ?? device })
  const expected = what(make, given)(attentionByDefinition)(operands)
  const [got, again] = [await compiled(operands), await compiled(operands)]
  const tolerance = given.dtype === 'f16' ? 2e-2 : 2e-5
  const results = new Map<string, number[]>()
  for (const [name, wanted] of Object.entries(expected)) {
    const [a, b] = [await numbersOf(got[name]!), await numbersOf(wanted)]
    const scale = b.reduce((m, x) => Math.max(m, Math.abs(x)), 1)
    const worst = b.reduce((m, x, i) => Math.max(m, Math.abs(x - a[i]!)), 0)
    expect(a.every(Number.isFinite), `${name} is finite`).toBe(true)
    expect(worst / scale, `${name} of ${sizes.join(' ')}`).toBeLessThan(tolerance)
    expect(await numbersOf(again[name]!), `${name} again`).toEqual(a)
    results.set(name, a)
  }
  return results
}

const numbersOf = async (t: Tensor): Promise<number[]> => Array.from(await t.read(), Number)

const i32 = (rows: readonly number[] | readonly (readonly number[])[]): Tensor => tensor(rows, { dtype: 'i32' })
const rowsOf = (B: number, T: number, at: (b: number, t: number) => number): Tensor =>
  i32(Array.from({ length: B }, (_, b) => Array.from({ length: T }, (__, t) => at(b, t))))

/** Several tiles of queries and keys, the last ones cut off. */
const T = 139
const SIZES: Sizes = [2, 4, 2, T, T, 6, 5]
const keep = rowsOf(2, T, (b, t) => (b === 0 ? Number(t < 130) : Number(t > 66)))
const segments = rowsOf(2, T, (b, t) => Math.floor(t / (b === 0 ? 50 : 90)))
/** Padding, then text with images in it; a sample of images alone. */
const modality = rowsOf(2, T, (b, t) => (b === 0 ? (t < 5 ? 0 : t % 40 < 12 ? 2 : 1) : 2))
const slopes = tensor(alibiSlopes(4))

const VARIANTS: readonly (readonly [string, Make, Case?])[] = [
  ['full', () => full],
  ['causal', () => causal],
  ['padding', () => padding(keep)],
  ['causal with padding', () => causalPadded(keep)],
  ['sliding window', () => slidingWindow(20)],
  ['prefix', () => prefix(i32([70, 3]))],
  ['block-diagonal', () => blockDiagonal(segments)],
  ['alibi, with slopes that learn', ({ slopes: s }) => rescore(causal, alibiScore(s!)), { captured: { slopes } }],
  ['soft cap', () => softCap(0.7)],
  ['mmca', () => mmca(modality)],
  ['mmca as released', () => mmcaRelease(modality)],
  ['three groups', () => addGroups(causal, slidingWindow(9), full)],
]

describe('a variant, with the derivative', () => {
  for (const [name, make, given] of VARIANTS) {
    test(name, async () => {
      await agrees(make, SIZES, given)
    })
  }
})

describe('sizes', () => {
  const few: readonly Sizes[] = [
    [1, 1, 1, 1, 1, 1, 1],
    [1, 3, 1, 9, 70, 3, 20],
    [2, 2, 2, 65, 64, 64, 64],
    [1, 6, 2, 40, 200, 33, 130],
  ]
  const more: readonly Sizes[] = [
    [1, 2, 2, 2, 3, 5, 7],
    [3, 4, 1, 17, 33, 64, 8],
    [1, 2, 1, 128, 128, 16, 16],
    [1, 1, 1, 200, 129, 128, 96],
    [1, 2, 1, 7, 7, 200, 600],
  ]
  test.each(UNDER_TEST === 'wasm' ? [...few, ...more] : few)(
    '%i x %i/%i heads, %i by %i, features %i and %i',
    async (...sizes) => {
      const offset = Math.max(0, sizes[4] - sizes[3])
      await agrees(() => causal, sizes, { options: { queryOffset: offset, scale: 0.4 } })
    },
  )

  test('no keys at all', async () => {
    const got = await agrees(() => full, [1, 2, 1, 3, 0, 4, 4], {}, noKeys)
    expect(got.get('out')!.every((x) => x === 0)).toBe(true)
  })

  test('values of many features', async () => {
    await agrees(() => addGroups(causal, full), [1, 1, 1, 12, 20, 4, 300], {}, forward)
  })
})

/** The definition has no greatest of nothing. */
const noKeys =
  (make: Make, given: Case) =>
  (at: Attention) =>
  (operands: Operands): { readonly [name: string]: Tensor } =>
    at === attention ? forward(make, given)(at)(operands) : { out: mul(operands.q, 0) }

describe('rows without keys', () => {
  /** Queries below 70 see the past, later ones nothing. */
  const early: Make = () =>
    variant({ mask: ({ query, key }) => and(lt(query, 70), causalMask({ batch: key, head: key, query, key })) })
  const later = (x: readonly number[], width: number): readonly number[] =>
    x.filter((_, i) => Math.floor(i / width) % T >= 70)

  test('they and their gradients are exactly 0', async () => {
    const got = await agrees(early, SIZES)
    expect(later(got.get('out')!, 5).every((x) => x === 0)).toBe(true)
    expect(later(got.get('dq')!, 6).every((x) => x === 0)).toBe(true)
    expect(later(got.get('dk')!, 6).every((x) => x === 0)).toBe(true)
  })

  // Not held against causal attention alone: with one group the tiles, and so the order of sums, may be others.
  test('a group without keys adds exactly 0', async () => {
    const never = variant({ mask: ({ query, key }) => lt(key, mul(query, 0)) })
    const [before, after] = [addGroups(never, causal), addGroups(causal, never)]
    const first = await agrees(() => before, SIZES, {}, forward)
    const last = await agrees(() => after, SIZES, {}, forward)
    expect(last.get('out')).toEqual(first.get('out'))
  })
})

describe('decoding: few queries, many keys', () => {
  const kinds = rowsOf(1, 1500, (_, t) => (t % 100 < 30 ? 2 : 1))
  test.each([
    ['causal', () => causal, [2, 4, 2, 1, 1500, 6, 5], 1499],
    ['sliding window', () => slidingWindow(100), [1, 2, 1, 1, 1500, 64, 64], 1499],
    ['two groups, three queries', () => mmca(kinds), [1, 4, 1, 3, 1500, 8, 20], 1400],
    ['full, few keys', () => full, [1, 2, 2, 4, 5, 3, 2], 0],
  ] as readonly (readonly [string, Make, Sizes, number])[])('%s', async (_, make, sizes, queryOffset) => {
    await agrees(make, sizes, { options: { queryOffset } }, forward)
    await agrees(make, sizes, { options: { queryOffset: i32([queryOffset]) } }, forward)
  })

  test('one query, with the derivative', async () => {
    await agrees(() => causal, [1, 4, 2, 1, 150, 6, 5], { options: { queryOffset: 120 } })
  })
})

describe('halves', () => {
  test('are read as they are and summed in f32', async (context) => {
    context.skip(!device.limits.f16)
    await agrees(() => causal, [1, 4, 2, 70, 70, 8, 6], { dtype: 'f16' })
    await agrees(() => causal, [1, 2, 1, 1, 70, 8, 6], { dtype: 'f16', options: { queryOffset: 69 } }, forward)
  })
})

describe('devices with the limits that all have', () => {
  test('bind eight buffers to a kernel: operands are packed', async (context) => {
    context.skip(UNDER_TEST === 'wasm')
    const small = await openUnderTest({ limits: 'default' })
    await agrees(() => mmca(modality), SIZES, { on: small })
    await agrees(({ slopes: s }) => rescore(mmcaRelease(modality), alibiScore(s!)), SIZES, {
      on: small,
      captured: { slopes },
    })
    small.dispose()
  })
})

test('a new length compiles no new kernel', async () => {
  const texts = async (length: number): Promise<string> => {
    const operands = operandsOf([1, 2, 1, length, length, 8, 8], {})
    const compiled = compile(withGradients(() => causal, {})(attention), [operands], { device })
    return stripComments((await compiled.explain()).match(/^.*fn main[\s\S]*?^}/gm)?.join('\n') ?? '')
  }
  expect(await texts(152)).toBe(await texts(280))
})
