import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getElement, type HostArray } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Equation, type Graph, makeGraph, tensorType, type Value } from '../../src/ir/graph.ts'
import { parse } from '../../src/ir/parse.ts'
import { allPrims, findPrim } from '../../src/ir/prim.ts'
import { print } from '../../src/ir/print.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { sameGraph } from '../../src/ir/same-graph.ts'
import { hasSignature } from '../../src/ir/signatures.ts'
import { trace } from '../../src/ir/trace.ts'
import { WeftError } from '../../src/util/errors.ts'
import { ELEMENTWISE } from './elementwise-cases.ts'
import { arbProgram, build, kindsIn, valuesFor } from './programs.ts'
import { STRUCTURE } from './structure-cases.ts'

const doc = readFileSync(new URL('../../docs/text-form.md', import.meta.url), 'utf8')
const blocks = [...doc.matchAll(/```\n(.*?)```/gs)].map((m) => m[1]!)
const everything = { names: true, sources: true }

/** The text of the graph, after checking that it reads back to the graph and prints the same again. */
function roundTrip(graph: Graph): { readonly text: string; readonly again: Graph } {
  const text = print(graph)
  const again = parse(text)
  expect(sameGraph(again, graph, everything), text).toBe(true)
  expect(print(again)).toBe(text)
  return { text, again }
}

/** The message of what `parse` throws, which must be one of weft's own errors. */
function complaint(text: string): string {
  try {
    parse(text, { file: 'a.txt' })
  } catch (error) {
    if (error instanceof WeftError) return `${error.name}: ${error.message}`
    throw error
  }
  return 'none'
}

describe('print', () => {
  it('writes the examples of the documentation as they stand there', () => {
    const examples = blocks.filter((b) => b.startsWith('fn '))
    expect(examples).toHaveLength(2)
    for (const text of examples) expect(print(parse(text))).toBe(text)
  })

  it('names values after the user, aligns columns and tells sources', () => {
    const x = { ...tensorType('f32', [2, 3]), name: 'x' }
    const w = { ...tensorType('f32', [3, 4]), name: 'params.layers[0].w' }
    const { graph } = trace('loss', [x, w], (x, w) => {
      const h = o.dot(x!, w!, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })
      return [o.sum(o.maximum(h, -0)), h]
    })
    expect(
      print(graph, { sources: false }),
    ).toBe(`fn loss(x: f32[2,3], params.layers.0.w: f32[3,4]) -> (f32[], f32[2,4]) {
  a: f32[2,4] = dot x params.layers.0.w {lhsContract=[1], rhsContract=[0], lhsBatch=[], rhsBatch=[]}
  b: f32[2,4] = full {dtype=f32, shape=[2,4], value=-0}
  c: f32[2,4] = max2 a b
  d: f32[]    = sum c {axes=[0,1]}
  return d, a
}
`)
    expect(print(graph)).toMatch(/= dot .*} {2}\/\/ test\/ir\/text\.test\.ts:\d+:\d+\n/)
    roundTrip(graph)
  })

  it('writes every element of an array exactly', () => {
    const text = `fn f() -> (f32[8], f16[6], i32[2], u32[1], bool[2], f32[0,3]) {
  a: f32[8]   = literal {data=f32[8](0.1, -0, nan, 0x7fc00001, inf, -inf, 1e-45, 16777216)}
  b: f16[6]   = literal {data=f16[6](0.1, -0, nan, 0xfe01, 6e-8, 65504)}
  c: i32[2]   = literal {data=i32[2](-2147483648, 2147483647)}
  d: u32[1]   = literal {data=u32[1](4294967295)}
  e: bool[2]  = literal {data=bool[2](1, 0)}
  f: f32[0,3] = literal {data=f32[0,3]()}
  return a, b, c, d, e, f
}
`
    const graph = parse(text)
    expect(print(graph)).toBe(text)
    const bits = evaluate(graph, []).map((x) => x.data)
    expect(new Uint32Array(bits[0]!.buffer)).toEqual(
      new Uint32Array([0x3dcccccd, 0x80000000, 0x7fc00000, 0x7fc00001, 0x7f800000, 0xff800000, 1, 0x4b800000]),
    )
    expect(bits[1]).toEqual(new Uint16Array([0x2e66, 0x8000, 0x7e00, 0xfe01, 1, 0x7bff]))
  })

  it('reads back each f16', () => {
    const data = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const prim = findPrim('literal')!
    const value: Value = { type: tensorType('f16', [65536]) }
    const e: Equation = { prim, inputs: [], attrs: { data: { dtype: 'f16', shape: [65536], data } }, outputs: [value] }
    const graph = makeGraph('all', [], [e], [value])
    expect(sameGraph(parse(print(graph)), graph)).toBe(true)
  })

  it('prints what is broken: values that nothing defines', () => {
    const value: Value = { type: tensorType('f32', []), name: 'x' }
    const graph = makeGraph('broken', [value], [], [{ type: tensorType('f32', []) }])
    expect(print(graph)).toBe('fn broken(x: f32[]) -> f32[] {\n  return a\n}\n')
    expect(complaint(print(graph))).toContain('a is not defined')
  })

  it('breaks a long list of inputs into lines', () => {
    const inputs = Array.from(
      { length: 9 },
      (_, i): Value => ({ type: tensorType('f32', [i]), name: `parameters[${i}]` }),
    )
    const { text } = roundTrip(makeGraph('wide "graph"\n', inputs, [], []))
    expect(text).toContain('fn "wide \\"graph\\"\\n"(\n    parameters.0: f32[0],\n')
    expect(text).toContain(',\n) -> () {\n  return\n}')
  })
})

describe('parse', () => {
  it('knows the attributes of every primitive, and reads each back', () => {
    expect(allPrims().filter((p) => !hasSignature(p))).toEqual([])
    for (const { prim: name, inputs, attrs, want } of [...ELEMENTWISE, ...STRUCTURE]) {
      const values = inputs.map((x): Value => ({ type: tensorType(x.dtype, x.shape) }))
      const outputs = want.map((x): Value => ({ type: tensorType(x.dtype, x.shape) }))
      roundTrip(makeGraph('one', values, [{ prim: findPrim(name)!, inputs: values, attrs, outputs }], outputs))
    }
  })

  it('lets blanks, comments and trailing commas be', () => {
    const graph = parse(
      `// A comment of no equation.
      fn f(
        x: f32[ 2 , 3 ], // nor this
      ) -> (f32[2,3],) { y : f32[2,3]=neg x//a.ts:1
        // between
        z: f32[2,3] = add
          {} return y
      }`.replace('add\n          {}', 'neg y {}\n'),
    )
    expect(graph.equations.map((e) => e.source?.location())).toEqual(['a.ts:1', undefined])
  })

  const mistakes: readonly (readonly [string, string])[] = [
    ['', 'a graph'],
    ['fn f(x: f32[2]) -> f32[2] { return x', 'end early'],
    ['fn f(x f32[2]) -> f32[2] { return x }', 'no colon'],
    ['fn f(x: f23[2]) -> f32[2] { return x }', 'a dtype'],
    ['fn f(x: f32[B]) -> f32[2] { return x }', 'a size'],
    ['fn f(x: f32[-1]) -> f32[2] { return x }', 'a negative size'],
    ['fn f(x: f32[99999999,99999999]) -> f32[2] { return x }', 'a huge type'],
    ['fn f(x: f32[2], x: f32[2]) -> f32[2] { return x }', 'an input twice'],
    ['fn f(x: f32[2]) -> f32[3] { return x }', 'another result'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[2] = trasnpose x\n  return h\n}', 'a primitive'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[2] = matmul x x\n  return h\n}', 'no such primitive'],
    ['fn f(wide: f32[2]) -> f32[2] {\n  h: f32[2] = neg wdie\n  return h\n}', 'a value'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[2] = add x\n  return h\n}', 'too few inputs'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[] = sum x {axis=[0]}\n  return h\n}', 'an attribute'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[] = sum x\n  return h\n}', 'a missing attribute'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[] = sum x {axes=[1]}\n  return h\n}', 'an axis out of range'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[] = sum x {axes=0}\n  return h\n}', 'a number for a list'],
    ['fn f(x: f32[2]) -> f32[2] {\n  h: f32[2] = sum x {axes=[0]}\n  return h\n}', 'another type than inferred'],
    ['fn f(x: f32[2], y: f32[3]) -> f32[2] {\n  h: f32[2] = add x y\n  return h\n}', 'shapes that differ'],
    ['fn f(x: bool[2]) -> bool[2] {\n  h: bool[2] = exp x\n  return h\n}', 'a wrong dtype'],
    ['fn f() -> f32[2] {\n  h: f32[2] = literal {data=f32[2](1)}\n  return h\n}', 'an element missing'],
    ['fn f() -> u32[1] {\n  h: u32[1] = literal {data=u32[1](-1)}\n  return h\n}', 'an element out of range'],
    ['fn f() -> f32[] {\n  h: f32[] = full {dtype=f32, shape=[], value=1e999}\n  return h\n}', 'a number too large'],
    ['fn f(x: f32[2]) -> f32[2] { h: f32[2] = neg x return h }', 'two on a line'],
    ['fn "f(x: f32[2])', 'a string without end'],
    ['fn "\\q"() -> () { return }', 'an escape'],
    ['fn f(é: f32[2]) -> f32[2] { return é } @', 'a stray character'],
  ]
  it.each(mistakes)('%j: %s', (text) => {
    const message = complaint(text)
    expect(message).toMatch(/^ParseError: .*near ".*"\n {2}at a\.txt:\d+:\d+/)
    expect(message).toMatchSnapshot()
  })

  it('tells the error of the documentation', () => {
    const text = 'fn f(x: f32[2,3]) -> f32[3,2] {\n  h: f32[3,2] = trasnpose x {perm=[1,0]}\n  return h\n}'
    expect(`${complaint(text)}\n`.replace('a.txt', 'model.txt')).toBe(blocks.at(-1))
  })

  it('refuses graphs nested without end', () => {
    const open = 'fn f(x: f32[]) -> f32[] {\n y: f32[] = checkpoint x {body='
    expect(complaint(open.repeat(100_000))).toContain('nested more than')
  })
})

describe('random programs', () => {
  const kinds = new Set<string>()
  const numbers = (xs: readonly HostArray[]): number[][] =>
    xs.map((x) => Array.from(x.data, (_, i) => getElement(x, i)))

  it('read back to the same graph, which evaluates to the same values', () => {
    fc.assert(
      fc.property(arbProgram, (program) => {
        const graph = build(program)
        for (const kind of kindsIn(graph)) kinds.add(kind)
        const { text, again } = roundTrip(graph)
        expect(print(graph)).toBe(text)
        const values = valuesFor(graph)
        expect(numbers(evaluate(again, values))).toEqual(numbers(evaluate(graph, values)))
      }),
      { numRuns: 300, seed: 7 },
    )
  })

  it('are of every kind', () => {
    expect([...kinds].sort()).toEqual([...new Set(allPrims().map((p) => p.kind))].sort())
  })

  const shards = [
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ',',
    ':',
    '=',
    '->',
    '"',
    '//',
    '\n',
    'fn',
    'return',
    'nan',
    '-1',
    '1e999',
    '0x1',
  ]
  const odd = [
    '9007199254740993',
    '__proto__',
    'constructor',
    '\0',
    '\ud800',
    'f32[2]',
    'bool',
    'true',
    'dot',
    'a',
    '3',
    '[0]',
    '{}',
  ]
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(12),
    put: fc.oneof(fc.constantFrom(...shards, ...odd), fc.string({ maxLength: 3 }), fc.constant(undefined)),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
  })

  it('give a proper error, or a graph that holds, when their text is damaged', () => {
    const seen = { refused: 0, read: 0 }
    fc.assert(
      fc.property(
        arbProgram,
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (program, edits, byWord) => {
          let text = print(build(program), { sources: false })
          for (const { at, cut, put, from } of edits) {
            const words = byWord ? text.split(/\b/) : [...text]
            const i = Math.floor(at * words.length)
            // Without anything to put, a piece of the text itself is repeated there.
            const j = Math.floor(from * words.length)
            words.splice(i, cut % (byWord ? 3 : 12), put ?? words.slice(j, j + cut).join(''))
            text = words.join('')
          }
          let graph: Graph
          try {
            graph = parse(text)
          } catch (error) {
            seen.refused++
            expect(error, text).toBeInstanceOf(WeftError)
            return
          }
          seen.read++
          roundTrip(graph)
        },
      ),
      { numRuns: 1500, seed: 7 },
    )
    expect(seen.read).toBeGreaterThan(20)
    expect(seen.refused).toBeGreaterThan(500)
  })
})
