import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Compiles expressions over some typed tensors as a user's file would be, and tells what TypeScript says of each. */
export interface Verdict {
  readonly expression: string
  /** The expression's type, or null if it does not compile. */
  readonly type: string | null
  /** The text that the editor would underline. */
  readonly flagged: string
  /** What TypeScript prints, whole. */
  readonly diagnostic: string
}

const root = fileURLToPath(new URL('../..', import.meta.url))

const PRELUDE = `
import type { _, Dim, Shape, Tensor } from '../../src/index.ts'
declare const x: Tensor<readonly ['B', 'T', 64], 'f32'>
declare const w: Tensor<readonly [64, 256], 'f32'>
declare const wrong: Tensor<readonly [128, 256], 'f32'>
declare const half: Tensor<readonly [64, 256], 'f16'>
declare const ids: Tensor<readonly ['B', 'T'], 'i32'>
declare const mask: Tensor<readonly ['B', 'T'], 'bool'>
declare const yes: Tensor<readonly [], 'bool'>
declare const part: Tensor<readonly [_, _, 64], 'f32'>
declare const wide: Tensor
declare const list: Tensor[]
declare const operand: Tensor | number
declare const n: number
declare const ns: number[]
`

const NAME = `${root}test/types/snippet.ts`

const CONFIG = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
const OPTIONS = {
  ...ts.parseJsonConfigFileContent(CONFIG.config, ts.sys, root).options,
  noUnusedLocals: false,
  noUnusedParameters: false,
}

/** Parsed files of the library, which do not change from program to program. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/** A program of the snippet and what it imports, under the project's own compiler options. */
function programOf(text: string): { program: ts.Program; file: ts.SourceFile } {
  const host = ts.createCompilerHost(OPTIONS)
  const fromDisk = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) => {
    if (name === NAME) return ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
    if (!parsed.has(name)) parsed.set(name, fromDisk(name, ...rest))
    return parsed.get(name)
  }
  const onDisk = host.fileExists.bind(host)
  host.fileExists = (name) => name === NAME || onDisk(name)
  const program = ts.createProgram([NAME], OPTIONS, host)
  const file = program.getSourceFile(NAME)
  if (!file) throw new Error('the snippet is not part of the program')
  return { program, file }
}

/** Imports of the functions that the expressions call. */
function importsOf(expressions: readonly string[]): string {
  const called = new Set(expressions.flatMap((e) => e.match(/\b[a-z]\w*(?=\()/g) ?? []))
  return `import { ${[...called].join(', ')} } from '../../src/index.ts'\n`
}

const definitions = (expressions: readonly string[]): string =>
  expressions.map((e, i) => `export const r${i} = ${e}`).join('\n')

/** What TypeScript says of each expression, all in one program: loading the library dominates. */
export function compileAll(expressions: readonly string[]): Verdict[] {
  const head = PRELUDE + importsOf(expressions)
  const text = head + definitions(expressions)
  const { program, file } = programOf(text)
  const problems = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  const first = head.split('\n').length - 1
  const stray = problems.find((d) => lineOf(file, d) < first)
  if (stray) throw new Error(`in the prelude: ${ts.flattenDiagnosticMessageText(stray.messageText, '\n')}`)
  const types = typesOf(program, file)
  return expressions.map((expression, i) => {
    const found = problems.find((d) => lineOf(file, d) === first + i)
    const start = found?.start ?? 0
    return {
      expression,
      type: found ? null : (types.get(`r${i}`) ?? null),
      flagged: text.slice(start, start + (found?.length ?? 0)),
      diagnostic: found ? ts.flattenDiagnosticMessageText(found.messageText, '\n') : '',
    }
  })
}

/** Type instantiations that checking the expressions takes, beyond those of the imports alone. */
export function instantiations(expressions: readonly string[]): number {
  const head = PRELUDE + importsOf(expressions)
  const [base, whole] = [head, head + definitions(expressions)].map((text) => {
    const { program, file } = programOf(text)
    program.getSemanticDiagnostics(file)
    return program.getInstantiationCount()
  })
  return whole! - base!
}

const lineOf = (file: ts.SourceFile, d: ts.Diagnostic): number => file.getLineAndCharacterOfPosition(d.start ?? 0).line

function typesOf(program: ts.Program, file: ts.SourceFile): Map<string, string> {
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(file)
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope
  return new Map(
    checker
      .getExportsOfModule(module!)
      .map((s) => [s.name, checker.typeToString(checker.getTypeOfSymbol(s), file, flags)]),
  )
}

/** The sentence that a check put into the message. */
export function sentence({ diagnostic }: Verdict): string {
  const match = /(?:Shape|DType)Mismatch<(["`])(.*?)\1>/.exec(diagnostic)
  return match ? match[2]! : diagnostic
}
