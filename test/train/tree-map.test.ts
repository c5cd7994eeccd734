import { describe, expect, test } from 'vitest'
import { add, tensor } from '../../src/ir/ops.ts'
import { mapTree, mapTreeWithPath } from '../../src/train/index.ts'
import { TraceError } from '../../src/util/errors.ts'
import { numbersOf } from './helpers.ts'

const tree = (n: number) => ({ a: tensor([n]), b: [tensor(n + 1), { c: tensor(n + 2) }] as const })

describe('mapTree', () => {
  test('keeps structure and type', async () => {
    const sum = mapTree((x, y, z) => add(add(x, y), z), tree(0), tree(10), tree(100))
    expect(sum.a.shape).toEqual([1])
    expect(await numbersOf(sum)).toEqual([110, 113, 116])
    expect(await sum.b[1].c.item()).toBe(116)
  })

  test('paths name the leaves', () => {
    const paths: string[] = []
    mapTreeWithPath((path, x) => {
      paths.push(path)
      return x
    }, tree(0))
    expect(paths).toEqual(['a', 'b[0]', 'b[1].c'])
  })

  test('trees that differ are refused, by path', () => {
    const of = (other: unknown) => () => mapTree((x, _) => x, tree(0), other)
    const one = tensor(1)
    expect(of({ a: one })).toThrow(TraceError)
    expect(of({ a: one })).toThrow(/tree 2 differs in structure[\s\S]*it lacks b\[0\], b\[1\]\.c/)
    expect(of({ ...tree(0), d: one })).toThrow(/only it has d/)
    expect(of({ b: tree(0).b, a: one })).toThrow(/keys in the same order/)
    expect(of({ ...tree(0), a: 3 })).toThrow(/a leaf of tree 2 at a is the number 3, not a tensor/)
  })
})
