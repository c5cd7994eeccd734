import { Bytes } from './bytes.ts'
import { FunctionWriter, typeByte } from './function-writer.ts'
import { f32x4 } from './instructions.ts'
import { callFunction, type Node, type ValueType } from './node.ts'

/** A function that kernels call: written into a module when something in it first does. */
export interface Helper {
  readonly name: string
  readonly params: readonly ValueType[]
  readonly result: ValueType
  /** Writes the statements, if any, and gives the result. */
  body(f: FunctionWriter, m: MathContext): Node
}

/** What formulas may ask for beyond instructions. */
export interface MathContext {
  /** a * b + c on f32 lanes, in one instruction where the module may. */
  madd(a: Node, b: Node, c: Node): Node
  /** c - a * b. */
  nmadd(a: Node, b: Node, c: Node): Node
  call(helper: Helper, args: readonly Node[]): Node
}

interface Written {
  readonly type: number
  readonly writer: FunctionWriter
}

/** A module of one exported function `run` and its helpers, over an imported shared memory. */
export class ModuleWriter implements MathContext {
  private readonly types: { readonly key: string; readonly encoded: Bytes }[] = []
  private readonly functions: (Written | undefined)[] = []
  private readonly helpers = new Map<string, number>()
  readonly run = new FunctionWriter(['i32', 'i32', 'i32', 'i32'])
  readonly madd: (a: Node, b: Node, c: Node) => Node
  readonly nmadd: (a: Node, b: Node, c: Node) => Node

  constructor(readonly fused: boolean) {
    this.functions.push({ type: this.type(['i32', 'i32', 'i32', 'i32'], undefined), writer: this.run })
    this.madd = fused ? f32x4.relaxedMadd : (a, b, c) => f32x4.add(f32x4.mul(a, b), c)
    this.nmadd = fused ? f32x4.relaxedNmadd : (a, b, c) => f32x4.sub(c, f32x4.mul(a, b))
  }

  call(helper: Helper, args: readonly Node[]): Node {
    let index = this.helpers.get(helper.name)
    if (index === undefined) {
      index = this.functions.push(undefined) - 1
      this.helpers.set(helper.name, index)
      const writer = new FunctionWriter(helper.params)
      writer.push(helper.body(writer, this))
      this.functions[index] = { type: this.type(helper.params, helper.result), writer }
    }
    return callFunction(index, args, helper.result)
  }

  private type(params: readonly ValueType[], result: ValueType | undefined): number {
    const key = `${params.join()}:${result}`
    const known = this.types.findIndex((t) => t.key === key)
    if (known >= 0) return known
    const encoded = new Bytes()
    encoded.byte(0x60)
    encoded.unsigned(params.length)
    for (const p of params) encoded.byte(typeByte(p))
    encoded.unsigned(result ? 1 : 0)
    if (result) encoded.byte(typeByte(result))
    return this.types.push({ key, encoded }) - 1
  }

  finish(): Uint8Array<ArrayBuffer> {
    const functions = this.functions.filter((f) => f !== undefined)
    const out = new Bytes()
    out.append([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    const section = (id: number, write: (s: Bytes) => void): void => {
      const s = new Bytes()
      write(s)
      out.byte(id)
      out.sized(s)
    }
    section(1, (s) => {
      s.unsigned(this.types.length)
      for (const t of this.types) s.bytes(t.encoded)
    })
    section(2, (s) => {
      s.unsigned(1)
      s.name('weft')
      s.name('memory')
      // A memory, shared, of 0 to 65536 pages.
      s.append([0x02, 0x03, 0x00])
      s.unsigned(65536)
    })
    section(3, (s) => {
      s.unsigned(functions.length)
      for (const f of functions) s.unsigned(f.type)
    })
    section(7, (s) => {
      s.unsigned(1)
      s.name('run')
      s.append([0x00, 0x00])
    })
    section(10, (s) => {
      s.unsigned(functions.length)
      for (const f of functions) s.sized(f.writer.finish())
    })
    return out.finish()
  }
}
