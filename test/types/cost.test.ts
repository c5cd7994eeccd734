import { expect, test } from 'vitest'
import { instantiations } from './compiler.ts'

/** Fourteen operations on shapes that no other block has, so that nothing is known from an earlier one. */
const OPERATIONS = 14
const block = (n: number): string[] => [
  `add(x, matmul(gelu(mul(matmul(x, zeros([64, ${n}])), zeros([${n}]))), zeros([${n}, 64])))`,
  `softmax(einsum('b t i, i j -> b t j', x, zeros([64, ${n}])), -1)`,
  `sum(transpose(matmul(x, zeros([64, ${n}])), [0, 2, 1]), -1, { keepDims: true })`,
]
const blocks = (count: number): string[] => Array.from({ length: count }, (_, i) => block(100 + i)).flat()

test('a further operation costs the type checker less than 150 instantiations', () => {
  const further = instantiations(blocks(30)) - instantiations(blocks(10))
  expect(further / (20 * OPERATIONS)).toBeLessThan(150)
})
