import type { FileError } from '../util/errors.ts'
import { PickleReader } from './pickle-reader.ts'
import { quoted } from './tensor-name.ts'

/**
 * A value of a pickle. Lists are arrays that may grow, tuples arrays that do not; dictionaries are maps; objects and
 * functions are what the caller's `global` makes of their names. Values may hold themselves.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | Callable
  | Opaque

/** A function or class that a pickle may call: code of ours that stands in for Python's of that name. */
export class Callable {
  readonly call: Call
  constructor(call: Call) {
    this.call = call
  }
}
/** Throws what `fail` makes of a problem. Works no longer than a few steps, however large the arguments. */
type Call = (args: readonly PickleValue[], fail: (problem: string) => FileError) => PickleValue

/** Something of the caller's that a pickle only hands on. */
export class Opaque {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

/** What names and references in a pickle stand for. Both throw FileError for what they do not know. */
export interface PickleContext {
  global(module: string, name: string): PickleValue
  persistent(id: PickleValue): PickleValue
}

/** Bounds the memory that a hostile pickle can ask for: at most a new dictionary, some 200 bytes, for each opcode. */
const MAX_OPCODES = 2_000_000
const MAX_NESTING = 1000

/** The memo of a pickle may be written anywhere, so it is a map, and holds one value for each opcode at most. */
interface Machine {
  readonly reader: PickleReader
  readonly context: PickleContext
  /** Values, the innermost mark's last. */
  stack: PickleValue[]
  /** The stacks that were set aside at each mark. */
  readonly marked: PickleValue[][]
  readonly memo: Map<number, PickleValue>
  /** Attributes given to objects so far: one dictionary may be given to many. */
  attributes: number
}

/**
 * The value of a pickle (protocols 2 to 5, as Python's pickle and torch.save write them), read without running anything:
 * names of functions and classes go to `context`, which has code of its own for those that it allows.
 * @throws FileError, which begins with `what`, for opcodes and nesting beyond that, and for anything malformed.
 */
export function unpickle(bytes: Uint8Array, context: PickleContext, what: string): PickleValue {
  const reader = new PickleReader(bytes, what)
  const machine: Machine = { reader, context, stack: [], marked: [], memo: new Map(), attributes: 0 }
  for (let count = 0; count < MAX_OPCODES; count++) {
    const opcode = reader.u8()
    if (opcode === STOP) return pop(machine)
    const step = OPCODES.get(opcode)
    if (!step) throw reader.fail(`opcode 0x${opcode.toString(16)} is not one that torch.save writes`)
    step(machine)
  }
  throw reader.fail(`more than ${MAX_OPCODES} opcodes`)
}

const STOP = 0x2e

/** The value is made before the stack is looked at: what makes it may end a mark, and so bring back another stack. */
function give(m: Machine, value: PickleValue): void {
  m.stack.push(value)
}

type Step = (machine: Machine) => void

const push =
  (value: (reader: PickleReader) => PickleValue): Step =>
  (m) => {
    give(m, value(m.reader))
  }

/** Opcodes by their byte, under the names of Python's pickletools. */
const OPCODES: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, proto],
  [0x95, (m) => m.reader.u64()], // FRAME
  [0x28, mark], // MARK
  [0x30, pop], // POP
  [0x4e, push(() => null)], // NONE
  [0x88, push(() => true)], // NEWTRUE
  [0x89, push(() => false)], // NEWFALSE
  [0x4b, push((r) => r.u8())], // BININT1
  [0x4d, push((r) => r.u16())], // BININT2
  [0x4a, push((r) => r.i32())], // BININT
  [0x8a, push((r) => r.long(r.u8()))], // LONG1
  [0x47, push((r) => r.f64())], // BINFLOAT
  [0x8c, push((r) => r.text(r.u8()))], // SHORT_BINUNICODE
  [0x58, push((r) => r.text(r.u32()))], // BINUNICODE
  [0x8d, push((r) => r.text(r.u64()))], // BINUNICODE8
  [0x43, push((r) => r.bytes(r.u8()))], // SHORT_BINBYTES
  [0x42, push((r) => r.bytes(r.u32()))], // BINBYTES
  [0x29, push(() => [])], // EMPTY_TUPLE
  [0x5d, push(() => [])], // EMPTY_LIST
  [0x7d, push(() => new Map())], // EMPTY_DICT
  [0x8f, push(() => new Set())], // EMPTY_SET
  [0x85, (m) => give(m, popMany(m, 1))], // TUPLE1
  [0x86, (m) => give(m, popMany(m, 2))], // TUPLE2
  [0x87, (m) => give(m, popMany(m, 3))], // TUPLE3
  [0x74, (m) => give(m, popToMark(m))], // TUPLE
  [0x61, (m) => append(m, [pop(m)])], // APPEND
  [0x65, (m) => append(m, popToMark(m))], // APPENDS
  [0x73, (m) => setItems(m, popMany(m, 2))], // SETITEM
  [0x75, (m) => setItems(m, popToMark(m))], // SETITEMS
  [0x90, (m) => addItems(m, popToMark(m))], // ADDITEMS
  [0x71, (m) => m.memo.set(m.reader.u8(), top(m))], // BINPUT
  [0x72, (m) => m.memo.set(m.reader.u32(), top(m))], // LONG_BINPUT
  [0x94, (m) => m.memo.set(m.memo.size, top(m))], // MEMOIZE
  [0x68, (m) => recall(m, m.reader.u8())], // BINGET
  [0x6a, (m) => recall(m, m.reader.u32())], // LONG_BINGET
  [0x63, (m) => give(m, m.context.global(m.reader.line(), m.reader.line()))], // GLOBAL
  [0x93, stackGlobal], // STACK_GLOBAL
  [0x51, (m) => give(m, m.context.persistent(pop(m)))], // BINPERSID
  [0x52, call], // REDUCE
  [0x81, call], // NEWOBJ
  [0x62, build], // BUILD
])

function proto({ reader }: Machine): void {
  const version = reader.u8()
  if (version < 2 || version > 5) throw reader.fail(`protocol ${version}, not 2 to 5`)
}

function mark(m: Machine): void {
  if (m.marked.length >= MAX_NESTING) throw m.reader.fail(`nested more than ${MAX_NESTING} deep`)
  m.marked.push(m.stack)
  m.stack = []
}

function popToMark(m: Machine): PickleValue[] {
  const items = m.stack
  const outer = m.marked.pop()
  if (!outer) throw m.reader.fail('a mark is missing')
  m.stack = outer
  return items
}

function popMany(m: Machine, count: number): PickleValue[] {
  if (m.stack.length < count) throw m.reader.fail('the stack is empty')
  return m.stack.splice(-count)
}

function pop(m: Machine): PickleValue {
  return popMany(m, 1)[0]!
}

function top(m: Machine): PickleValue {
  if (m.stack.length === 0) throw m.reader.fail('the stack is empty')
  return m.stack.at(-1)!
}

function recall(m: Machine, slot: number): void {
  const value = m.memo.get(slot)
  if (value === undefined) throw m.reader.fail(`nothing was kept in slot ${slot}`)
  m.stack.push(value)
}

function append(m: Machine, items: readonly PickleValue[]): void {
  const list = top(m)
  if (!Array.isArray(list)) throw m.reader.fail('items for something that is no list')
  for (const item of items) list.push(item)
}

function setItems(m: Machine, items: readonly PickleValue[]): void {
  const dictionary = top(m)
  if (!(dictionary instanceof Map)) throw m.reader.fail('entries for something that is no dictionary')
  if (items.length % 2 !== 0) throw m.reader.fail('a key without a value')
  for (let i = 0; i < items.length; i += 2) dictionary.set(items[i]!, items[i + 1]!)
}

function addItems(m: Machine, items: readonly PickleValue[]): void {
  const set = top(m)
  if (!(set instanceof Set)) throw m.reader.fail('items for something that is no set')
  for (const item of items) set.add(item)
}

function stackGlobal(m: Machine): void {
  const [module, name] = popMany(m, 2)
  if (typeof module !== 'string' || typeof name !== 'string') throw m.reader.fail('a global without a name')
  m.stack.push(m.context.global(module, name))
}

function call(m: Machine): void {
  const [callee, args] = popMany(m, 2)
  if (!(callee instanceof Callable)) throw m.reader.fail('a call of something that is no function')
  if (!Array.isArray(args)) throw m.reader.fail('a call without a tuple of arguments')
  m.stack.push(callee.call(args, (problem) => m.reader.fail(problem)))
}

/** Attributes of an object: those of a namespace are its entries; those that dictionaries have beside theirs are left out. */
function build(m: Machine): void {
  const state = pop(m)
  const object = top(m)
  if (!(state instanceof Map && object instanceof Map)) throw m.reader.fail('attributes for something that has none')
  if (!(object instanceof Namespace)) return
  m.attributes += state.size
  if (m.attributes > MAX_OPCODES) throw m.reader.fail(`more than ${MAX_OPCODES} attributes`)
  for (const [name, value] of state) object.set(name, value)
}

/** An object that is nothing but its attributes, as argparse's results are. */
export class Namespace extends Map<PickleValue, PickleValue> {}

/** How messages show the name of a function or class. */
export const globalName = (module: string, name: string): string => quoted(`${module}.${name}`)
