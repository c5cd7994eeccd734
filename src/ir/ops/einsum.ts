import { failDType } from '../prims/common.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { contractPair, type Labelled, reorder } from './contract-pair.ts'
import type { EinsumResult, EquationCheck, OperandCheck } from './einsum-types.ts'

interface Equation {
  readonly inputs: readonly (readonly string[])[]
  readonly output: readonly string[]
}

/**
 * Einstein summation over named indices: einsum('b i k, b k j -> b i j', x, y), or with single letters and no spaces,
 * 'bik,bkj->bij'. An index that the result lacks is summed. Operands are contracted pairwise from left to right.
 * @throws ShapeError for a wrong equation, a wrong rank, an index with two sizes, or a diagonal ('i i -> i'); DTypeError
 * where dtypes differ, or integers are contracted.
 */
export function einsum<const P extends string, T extends readonly Tensor[]>(
  equation: P & EquationCheck<P, T>,
  ...operands: { [I in keyof T]: T[I] & OperandCheck<P, T, I> }
): EinsumResult<P, T>
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parseEquation(equation)
  checkOperands(equation, inputs, operands)
  const terms = operands.map((x, i): Labelled => ({ x, labels: inputs[i]! }))
  const result = terms.reduce((done, term, i) => {
    const needed = new Set([...output, ...inputs.slice(i + 1).flat()])
    const others = (t: Labelled): Set<string> => new Set([...needed, ...t.labels])
    return contractPair(sumOut(done, others(term)), sumOut(term, others(done)), needed)
  })
  return reorder(sumOut(result, new Set(output)), output)
}

/** Sums over the labels that are not wanted. */
function sumOut({ x, labels }: Labelled, wanted: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => (wanted.has(label) ? [] : [axis]))
  return axes.length === 0 ? { x, labels } : { x: o.sum(x, axes), labels: labels.filter((label) => wanted.has(label)) }
}

const FORM = "write it as 'b i k, b k j -> b i j', or with single letters as 'bik,bkj->bij'"

function parseEquation(equation: string): Equation {
  const sides = equation.split('->')
  if (sides.length !== 2) failShape(`einsum: '${equation}' has no single '->'`, FORM)
  const terms = [...sides[0]!.split(','), sides[1]!].map((term) => term.trim())
  const spaced = terms.some((term) => /\s/.test(term))
  const labels = terms.map((term) => (spaced ? term.split(/\s+/).filter((label) => label !== '') : [...term]))
  const wrong = labels.flat().find((label) => !/^\w+$/.test(label))
  if (wrong !== undefined) failShape(`einsum: '${wrong}' in '${equation}' is not the name of an index`, FORM)
  const inputs = labels.slice(0, -1)
  const output = labels.at(-1)!
  for (const term of labels) {
    const twice = term.find((label, i) => term.indexOf(label) !== i)
    if (twice !== undefined) {
      failShape(
        `einsum: '${twice}' stands twice in one term of '${equation}'`,
        'diagonals are not supported; name each axis once',
      )
    }
  }
  const unknown = output.find((label) => !inputs.some((term) => term.includes(label)))
  if (unknown !== undefined) failShape(`einsum: '${unknown}' of the result is in no operand of '${equation}'`, FORM)
  return { inputs, output }
}

function checkOperands(equation: string, inputs: Equation['inputs'], operands: readonly Tensor[]): void {
  if (inputs.length !== operands.length) {
    failShape(
      `einsum: '${equation}' has ${inputs.length} terms for ${operands.length} operands`,
      'give one term per operand',
    )
  }
  const dtypes = operands.map((x) => x.dtype)
  if (dtypes.some((dtype) => dtype !== dtypes[0])) {
    failDType(`einsum: operands of '${equation}' differ in dtype: ${dtypes.join(', ')}`, 'cast them to one dtype')
  }
  const sizes = new Map<string, number>()
  operands.forEach((x, i) => {
    const term = inputs[i]!
    if (term.length !== x.rank) {
      failShape(
        `einsum: operand ${i} of '${equation}' is ${formatShape(x.shape)}, its term '${term.join(' ')}' has ${term.length} indices`,
        `name each axis once; ${FORM}`,
      )
    }
    term.forEach((label, axis) => {
      const size = x.shape[axis]!
      const known = sizes.get(label) ?? size
      if (known !== size) {
        failShape(
          `einsum: index '${label}' of '${equation}' is ${known} and ${size}: ${operands.map((t) => formatShape(t.shape)).join(', ')}`,
          'an index must have one size in all operands',
        )
      }
      sizes.set(label, size)
    })
  })
}
