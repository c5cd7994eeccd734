import './prims/index.ts'
import { WeftError } from '../util/errors.ts'
import { knownSource } from '../util/source.ts'
import { didYouMean } from '../util/suggest.ts'
import {
  type Attrs,
  type Equation,
  formatType,
  type Graph,
  makeGraph,
  sameType,
  type TensorType,
  type Value,
} from './graph.ts'
import { Lexer, type Token } from './lex.ts'
import { parseAttrs, parseString, parseType } from './parse-attrs.ts'
import { allPrims, findPrim, type Prim } from './prim.ts'
import { checkSignature } from './signatures.ts'
import { RESERVED } from './text-names.ts'

export interface ParseOptions {
  /** What errors call the text. */
  readonly file?: string
}

/** Far deeper than anybody nests graphs, and far from the end of the stack. */
const DEEPEST = 100

/**
 * Reads a graph as `print` writes it; docs/text-form.md has the grammar. A comment that ends an equation's line is
 * taken as where the user wrote the equation.
 *
 * @throws ParseError with line and column: where the text breaks the grammar, names an unknown primitive or value,
 * gives attributes that a primitive does not have, or declares types other than the primitive's own rule gives.
 */
export function parse(text: string, { file = 'text' }: ParseOptions = {}): Graph {
  const lexer = new Lexer(text, file)
  const graph = parseGraph(lexer, 0)
  if (lexer.token.kind !== 'end') throw lexer.expected('the end of the text after the graph')
  return graph
}

/** The values that a graph has defined so far, by name. */
class Scope {
  readonly values = new Map<string, Value>()
  constructor(readonly lexer: Lexer) {}

  /** Takes `name: type`. The value is not to be read before `define`. */
  declare(): { readonly at: Token; readonly value: Value } {
    const at = this.lexer.name('the name of a value')
    if (RESERVED.has(at.text)) throw this.lexer.error(`${at.text} cannot name a value`, { at })
    this.lexer.expect(':', `after the name ${at.text}`)
    return { at, value: { type: parseType(this.lexer), name: at.text } }
  }

  define(at: Token, value: Value): void {
    if (this.values.has(at.text)) throw this.lexer.error(`${at.text} is defined twice`, { at })
    this.values.set(at.text, value)
  }

  /** Takes the name of a defined value. */
  use(): Value {
    const at = this.lexer.name('the name of a value')
    const value = this.values.get(at.text)
    if (value) return value
    throw this.lexer.error(`${at.text} is not defined before this`, {
      at,
      hint: didYouMean(at.text, this.values.keys()),
    })
  }
}

function parseGraph(lexer: Lexer, depth: number): Graph {
  if (!lexer.seesWord('fn')) throw lexer.expected('a graph (fn ...)')
  if (depth > DEEPEST) throw lexer.error(`graphs nested more than ${DEEPEST} deep`)
  lexer.next()
  const scope = new Scope(lexer)
  const name = lexer.token.kind === 'string' ? parseString(lexer) : lexer.name('the name of the function').text
  const inputs = parseInputs(lexer, scope)
  lexer.expect('->', 'and the types of the results')
  const types = lexer.sees('(') ? parseTypes(lexer) : [parseType(lexer)]
  lexer.expect('{', 'to open the body')
  const equations: Equation[] = []
  while (!lexer.seesWord('return')) equations.push(parseEquation(lexer, scope, depth))
  const at = lexer.next()
  const outputs: Value[] = []
  while (!lexer.sees('}')) {
    outputs.push(scope.use())
    if (!lexer.accept(',')) break
  }
  lexer.expect('}', `or a comma after the results of ${name}`)
  requireTypes(
    lexer,
    at,
    types,
    outputs.map((v) => v.type),
    `${name} returns`,
  )
  return makeGraph(name, inputs, equations, outputs)
}

function parseInputs(lexer: Lexer, scope: Scope): Value[] {
  const inputs: Value[] = []
  lexer.expect('(', 'and the inputs')
  while (!lexer.sees(')')) {
    const { at, value } = scope.declare()
    scope.define(at, value)
    inputs.push(value)
    if (!lexer.accept(',')) break
  }
  lexer.expect(')', 'or a comma after an input')
  return inputs
}

function parseTypes(lexer: Lexer): TensorType[] {
  const types: TensorType[] = []
  lexer.expect('(', 'to open a list of types')
  while (!lexer.sees(')')) {
    types.push(parseType(lexer))
    if (!lexer.accept(',')) break
  }
  lexer.expect(')', 'or a comma after a type')
  return types
}

/** `a: f32[2], b: f32[] = prim x y {axis=1}   // model.ts:3:5` */
function parseEquation(lexer: Lexer, scope: Scope, depth: number): Equation {
  if (lexer.token.kind !== 'name' && !lexer.sees('(')) throw lexer.expected('an equation or return')
  const declared: { readonly at: Token; readonly value: Value }[] = []
  if (lexer.accept('(')) lexer.expect(')', 'of an equation without results')
  else {
    do declared.push(scope.declare())
    while (lexer.accept(','))
  }
  lexer.expect('=', 'or a comma after the type')
  const at = lexer.name('the name of a primitive')
  const prim = findPrim(at.text)
  if (!prim) throw lexer.error(`unknown primitive ${at.text}`, { at, hint: primitiveHint(at.text) })
  const inputs: Value[] = []
  while (lexer.token.kind === 'name' && !lexer.token.startsLine && !RESERVED.has(lexer.token.text)) {
    inputs.push(scope.use())
  }
  const attrs = lexer.sees('{') ? parseAttrs(lexer, () => parseGraph(lexer, depth + 1)) : {}
  const comment = lexer.token.commentBefore
  if (!lexer.token.startsLine && !lexer.sees('}')) throw lexer.expected('an input, attributes or the end of the line')
  const outputs = declared.map((d) => d.value)
  const given = inferTypes(lexer, at, prim, inputs, attrs)
  requireTypes(
    lexer,
    declared[0]?.at ?? at,
    outputs.map((v) => v.type),
    given,
    `${prim.name} gives`,
  )
  for (const d of declared) scope.define(d.at, d.value)
  return { prim, inputs, attrs, outputs, source: comment ? knownSource(comment) : undefined }
}

const primitiveHint = (name: string): string => {
  const names = allPrims().map((p) => p.name)
  return didYouMean(name, names) ?? `the primitives are ${names.sort().join(', ')}`
}

/** The primitive's own rule; what it finds wrong is told with the place in the text. */
function inferTypes(
  lexer: Lexer,
  at: Token,
  prim: Prim,
  inputs: readonly Value[],
  attrs: Attrs,
): readonly TensorType[] {
  const types = inputs.map((v) => v.type)
  const complaint = checkSignature(prim, types, attrs)
  if (complaint) throw lexer.error(complaint.message, { at, hint: complaint.hint })
  try {
    return prim.infer(types, attrs)
  } catch (error) {
    if (!(error instanceof WeftError)) throw error
    throw lexer.error(error.message.split('\n', 1)[0]!, { at, hint: error.hint })
  }
}

/** @throws ParseError unless the types that stand in the text are those that follow from it. */
function requireTypes(
  lexer: Lexer,
  at: Token,
  declared: readonly TensorType[],
  given: readonly TensorType[],
  what: string,
): void {
  if (declared.length === given.length && declared.every((t, i) => sameType(t, given[i]!))) return
  const show = (types: readonly TensorType[]): string => `(${types.map(formatType).join(', ')})`
  throw lexer.error(`declared as ${show(declared)}, but ${what} ${show(given)}`, { at })
}
