import { describe, expect, it } from 'vitest'
import { checkpoint, customVjp } from '../../src/autodiff/index.ts'
import { type Equation, type Graph, isGraph, makeGraph, tensorType } from '../../src/ir/graph.ts'
import { scan } from '../../src/ir/ops/control.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { verify } from '../../src/ir/verify.ts'
import { VerifyError } from '../../src/util/errors.ts'
import { f32, graphOf } from './helpers.ts'

const sound = graphOf([f32(2, 3), f32(2, 3)], (x, y) => [o.sum(o.mul(o.add(x!, y!), y!), 1), x!])
const [add, mul, sum] = sound.equations as [Equation, Equation, Equation]

const withEquations = (equations: readonly Equation[]): Graph =>
  makeGraph(sound.name, sound.inputs, equations, sound.outputs)

const broken: readonly (readonly [string, Graph, RegExp])[] = [
  ['use before definition', withEquations([mul, add, sum]), /equation 0 \(mul\): operand 0: f32\[2,3\] is not defined/],
  ['a missing equation', withEquations([add, sum]), /equation 1 \(sum\): operand .* is not defined before its use/],
  [
    'a value defined twice',
    withEquations([add, { ...mul, outputs: add.outputs }, sum]),
    /equation 1 \(mul\): result .* is defined twice/,
  ],
  ['an equation twice', withEquations([add, add, mul, sum]), /equation 1 \(add\): result .* is defined twice/],
  ['an input twice', makeGraph('g', [sound.inputs[0]!, sound.inputs[0]!], [], []), /input .* is defined twice/],
  ['an output from nowhere', withEquations([add, mul]), /output 0: f32\[2\] is not defined/],
  [
    'a wrong shape',
    withEquations([{ ...add, outputs: [{ type: tensorType('f32', [3, 2]) }] }]),
    /gives f32\[2,3\], but its results are typed f32\[3,2\]/,
  ],
  [
    'a wrong dtype',
    withEquations([{ ...add, outputs: [{ type: tensorType('f16', [2, 3]) }] }]),
    /gives f32\[2,3\], but its results are typed f16\[2,3\]/,
  ],
  ['too few operands', withEquations([{ ...add, inputs: [add.inputs[0]!] }]), /takes 2 operands, has 1/],
]

describe('verify', () => {
  it('accepts sound graphs, nested ones too', () => {
    const square = customVjp(
      (x: Tensor) => [o.mul(x, x), x] as const,
      (x, ct) => [o.mul(ct, o.mul(x, 2))],
    )
    const graph = graphOf([f32(2), f32(3, 2)], (h, x) => {
      const step = (c: Tensor, y: Tensor): readonly [Tensor, Tensor] => [checkpoint(square)(o.add(c, y)), y]
      return [scan(step, h!, x!)[0]]
    })
    expect(() => verify(graph, 'tracing')).not.toThrow()
    expect(() => verify(sound, 'tracing')).not.toThrow()
  })

  it.each(broken)('refuses %s', (_, graph, message) => {
    expect(() => verify(graph, 'some pass')).toThrow(VerifyError)
    expect(() => verify(graph, 'some pass')).toThrow(/^after some pass: in /)
    expect(() => verify(graph, 'some pass')).toThrow(message)
  })

  it('refuses operands that the primitive refuses, and says why', () => {
    const other = { type: tensorType('f32', [4]) }
    const graph = makeGraph('g', [sound.inputs[0]!, other], [{ ...add, inputs: [sound.inputs[0]!, other] }], [])
    expect(() => verify(graph, 'p')).toThrow(/operands f32\[2,3\], f32\[4\] are refused: add: shapes differ/)
  })

  it('looks into nested graphs, and at how they fit', () => {
    const graph = graphOf([f32(2)], (x) => [checkpoint((y: Tensor) => o.sin(o.cos(y)))(x!)])
    const [call] = graph.equations as [Equation]
    const body = call.attrs['body']!
    if (!isGraph(body)) throw new Error('a checkpoint has a body')
    const inside = { ...body, equations: body.equations.slice(1) }
    const unfit = { ...body, inputs: [...body.inputs, { type: tensorType('f32', []) }] }
    const of = (b: Graph): Graph => makeGraph('g', graph.inputs, [{ ...call, attrs: { body: b } }], graph.outputs)
    expect(() => verify(of(inside), 'p')).toThrow(/after p, checkpoint.body: in .*equation 0 \(sin\)/)
    expect(() => verify(of(unfit), 'p')).toThrow(/the body takes: f32\[2\], f32\[\], expected f32\[2\]/)
  })
})
