import { describe, expect, it } from 'vitest'
import { parse } from '../../src/ir/parse.ts'
import { sameGraph } from '../../src/ir/same-graph.ts'

describe('sameGraph', () => {
  const text = (line: string, result = 'b'): string =>
    `fn f(x: f32[2,2], y: f32[2,2]) -> f32[2,2] {\n  a: f32[2,2] = sub x y\n  b: f32[2,2] = ${line}\n  return ${result}\n}`
  const body = (op: string): string =>
    `checkpoint a {body=fn g(p: f32[2,2]) -> f32[2,2] {\n q: f32[2,2] = ${op} p\n return q\n}}`
  const variants = [
    text('mul a x'),
    text('mul x a'),
    text('mul a y'),
    text('add a x'),
    text('mul a x', 'a'),
    text('transpose a {perm=[0,1]}'),
    text('transpose a {perm=[1,0]}'),
    text('full {dtype=f32, shape=[2,2], value=0}'),
    text('full {dtype=f32, shape=[2,2], value=-0}'),
    text('literal {data=f32[2,2](0, 0, 0, nan)}'),
    text('literal {data=f32[2,2](0, 0, 0, 0x7fc00001)}'),
    text(body('sin')),
    text(body('cos')),
    'fn f(x: f32[2,2], y: f32[2,2]) -> f32[2,2] {\n  return x\n}',
    'fn f(x: f16[2,2], y: f32[2,2]) -> f32[2,2] {\n  return y\n}',
  ]

  it('holds between a graph and itself only', () => {
    variants.forEach((a, i) => {
      variants.forEach((b, j) => expect(sameGraph(parse(a), parse(b)), `${a}\n${b}`).toBe(i === j))
    })
  })

  it('looks past names, sources and the order of attributes, unless asked', () => {
    const plain = 'fn f() -> f32[] {\n a: f32[] = full {dtype=f32, shape=[], value=1}\n return a\n}'
    const other = 'fn g() -> f32[] {\n b: f32[] = full {value=1, shape=[], dtype=f32} // a.ts:1\n return b\n}'
    expect(sameGraph(parse(plain), parse(other))).toBe(true)
    expect(sameGraph(parse(plain), parse(other), { names: true })).toBe(false)
    expect(sameGraph(parse(plain), parse(other), { sources: true })).toBe(false)
  })
})
