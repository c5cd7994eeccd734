import { VerifyError } from '../util/errors.ts'
import { graphAttr, numberAttr, scanAttrs } from './attrs.ts'
import { type Equation, formatType, type Graph, isGraph, type TensorType, type Value } from './graph.ts'
import { sameShape } from './shape.ts'

/**
 * Checks the invariants of the IR: every value is defined once, before its use; every type is what the primitive's
 * rule gives; graphs inside equations hold to the same, and fit the equation.
 *
 * @param after what made the graph, such as the name of a pass; it opens the message
 * @throws VerifyError
 */
export function verify(graph: Graph, after: string): void {
  const fail = (message: string, e?: Equation): never => {
    throw new VerifyError(`after ${after}: in ${graph.name || 'the graph'}: ${message}`, { at: e?.source?.location() })
  }
  const defined = new Set<Value>()
  const define = (v: Value, what: string, e?: Equation): void => {
    if (defined.has(v)) fail(`${what} is defined twice`, e)
    defined.add(v)
  }
  graph.inputs.forEach((v, i) => define(v, `input ${nameOf(v, i)}`))
  graph.equations.forEach((e, at) => {
    const where = `equation ${at} (${e.prim.name})`
    e.inputs.forEach((v, i) => {
      if (!defined.has(v)) fail(`${where}: operand ${nameOf(v, i)} is not defined before its use`, e)
    })
    if (!soundEquations.has(e)) {
      checkTypes(e, (message) => fail(`${where}: ${message}`, e))
      for (const [key, a] of Object.entries(e.attrs)) if (isGraph(a)) verifyNested(a, `${after}, ${e.prim.name}.${key}`)
      checkNested(e, (message) => fail(`${where}: ${message}`, e))
      soundEquations.add(e)
    }
    e.outputs.forEach((v, i) => define(v, `${where}: result ${nameOf(v, i)}`, e))
  })
  graph.outputs.forEach((v, i) => {
    if (!defined.has(v)) fail(`output ${nameOf(v, i)} is not defined`)
  })
}

/** Graphs inside equations that were found sound: nothing changes after it is made, and most passes leave them alone. */
const sound = new WeakSet<Graph>()
/** The same of equations by themselves, which passes hand on as they are. */
const soundEquations = new WeakSet<Equation>()

function verifyNested(graph: Graph, after: string): void {
  if (sound.has(graph)) return
  verify(graph, after)
  sound.add(graph)
}

const nameOf = (v: Value, i: number): string => `${v.name ?? i}: ${formatType(v.type)}`
const show = (types: readonly TensorType[]): string => types.map(formatType).join(', ') || 'nothing'
const typesOf = (values: readonly Value[]): TensorType[] => values.map((v) => v.type)
const sameTypes = (a: readonly TensorType[], b: readonly TensorType[]): boolean =>
  a.length === b.length && a.every((t, i) => t.dtype === b[i]!.dtype && sameShape(t.shape, b[i]!.shape))

function checkTypes(e: Equation, fail: (message: string) => never): void {
  if (e.prim.kind === 'elementwise' && e.inputs.length !== e.prim.arity) {
    fail(`takes ${e.prim.arity} operands, has ${e.inputs.length}`)
  }
  const expected = inferred(e, fail)
  const types = typesOf(e.outputs)
  if (!sameTypes(expected, types)) fail(`gives ${show(expected)}, but its results are typed ${show(types)}`)
}

function inferred(e: Equation, fail: (message: string) => never): readonly TensorType[] {
  const operands = typesOf(e.inputs)
  try {
    return e.prim.infer(operands, e.attrs)
  } catch (error) {
    return fail(`the operands ${show(operands)} are refused: ${error instanceof Error ? error.message : error}`)
  }
}

/** Graphs inside an equation must take what the equation is given, and give what it needs. */
function checkNested(e: Equation, fail: (message: string) => never): void {
  const agree = (what: string, got: readonly TensorType[], wanted: readonly TensorType[]): void => {
    if (!sameTypes(got, wanted)) fail(`${what}: ${show(got)}, expected ${show(wanted)}`)
  }
  const inputs = typesOf(e.inputs)
  if (e.prim.kind === 'checkpoint') {
    agree('the body takes', typesOf(graphAttr(e, 'body').inputs), inputs)
  } else if (e.prim.kind === 'customVjp') {
    const [forward, backward] = [graphAttr(e, 'forward'), graphAttr(e, 'backward')]
    const results = typesOf(forward.outputs)
    const count = numberAttr(e, 'outputs')
    agree('forward takes', typesOf(forward.inputs), inputs)
    agree('backward takes', typesOf(backward.inputs), [...results.slice(count), ...results.slice(0, count)])
    agree('backward gives', typesOf(backward.outputs), inputs.slice(0, backward.outputs.length))
  } else if (e.prim.kind === 'loop') {
    const { body, carries } = scanAttrs(e)
    if (body.inputs.length !== inputs.length) fail(`the body takes ${body.inputs.length} tensors, not ${inputs.length}`)
    if (body.outputs.length < carries) fail(`the body gives ${body.outputs.length} tensors for ${carries} carries`)
  }
}
