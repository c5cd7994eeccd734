import { Bytes, unsignedLeb } from './bytes.ts'
import { getLocal, isLeaf, LOCAL_GET, type Node, type ValueType } from './node.ts'

const TYPE_BYTES = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b }
export const typeByte = (type: ValueType): number => TYPE_BYTES[type]

const NO_RESULT = 0x40

/** Writes one function: nodes as instructions, locals, and structured control. */
export class FunctionWriter {
  private readonly code = new Bytes()
  private readonly localTypes: ValueType[] = []
  /** Temporaries of finished statements, to be used again. */
  private readonly free: Record<ValueType, number[]> = { i32: [], f32: [], f64: [], v128: [] }
  private taken: Node[] = []

  constructor(private readonly params: readonly ValueType[]) {}

  param(i: number): Node {
    return getLocal(i, this.params[i]!)
  }

  newLocal(type: ValueType): number {
    return this.params.length + this.localTypes.push(type) - 1
  }

  /** The node's value on the stack, if it has one. A statement is what is written between two calls of `done`. */
  private write(n: Node): void {
    if (n.local >= 0) {
      this.code.byte(LOCAL_GET)
      this.code.unsigned(n.local)
      return
    }
    for (const a of n.args) this.write(a)
    this.opcode(n.code)
    if (n.immediate.length > 0) this.code.append(n.immediate)
    if (n.uses > 1 && !isLeaf(n)) {
      n.local = this.free[n.type].pop() ?? this.newLocal(n.type)
      this.taken.push(n)
      this.code.byte(0x22)
      this.code.unsigned(n.local)
    }
  }

  private opcode(code: number): void {
    if (code > 0xff) {
      this.code.byte(code >> 16)
      this.code.unsigned(code & 0xffff)
    } else {
      this.code.byte(code)
    }
  }

  private done(): void {
    for (const n of this.taken) {
      this.free[n.type].push(n.local)
      n.local = -1
    }
    this.taken = []
  }

  /** A statement that stores: several nodes that may share operands, in order. */
  run(nodes: readonly Node[]): void {
    for (const n of nodes) countUses(n)
    for (const n of nodes) this.write(n)
    this.done()
  }

  set(local: number, value: Node): void {
    countUses(value)
    this.write(value)
    this.code.byte(0x21)
    this.code.unsigned(local)
    this.done()
  }

  /** The result of the function, or the condition of what follows. */
  push(value: Node): void {
    countUses(value)
    this.write(value)
    this.done()
  }

  when(condition: Node, body: () => void): void {
    this.push(condition)
    this.code.append([0x04, NO_RESULT])
    body()
    this.code.byte(0x0b)
  }

  /** The body at least once, and again while `again` holds after it. */
  repeat(body: () => void, again: () => Node): void {
    this.code.append([0x03, NO_RESULT])
    body()
    this.push(again())
    this.code.append([0x0d, 0, 0x0b])
  }

  /** The body as the code section wants it: locals in runs of one type, then the instructions. */
  finish(): Bytes {
    const out = new Bytes()
    const runs: [count: number, type: ValueType][] = []
    for (const type of this.localTypes) {
      const last = runs.at(-1)
      if (last?.[1] === type) last[0]++
      else runs.push([1, type])
    }
    out.append(unsignedLeb(runs.length))
    for (const [count, type] of runs) {
      out.unsigned(count)
      out.byte(typeByte(type))
    }
    out.bytes(this.code)
    out.byte(0x0b)
    return out
  }
}

function countUses(n: Node): void {
  n.uses++
  if (n.uses === 1) for (const a of n.args) countUses(a)
}
