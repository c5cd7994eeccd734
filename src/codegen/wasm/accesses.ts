import type { Expr, Lanes, Stmt } from '../kernel-ir.ts'
import { storedBytes } from '../program.ts'
import { i32, i32x4 } from './instructions.ts'
import {
  type Address,
  gather,
  type LaneAddresses,
  loadRepeated,
  loadRow,
  loadScalar,
  scatter,
  scatteredLanes,
  storeRow,
  storeScalar,
  stridedLanes,
} from './memory.ts'
import { constI32, type Node } from './node.ts'
import { splat } from './operand.ts'
import type { Scope } from './scope.ts'

/** What loads and stores need of the statement that they stand in. */
export interface MemoryAccess {
  readonly scope: Scope
  lower(e: Expr, lanes: Lanes): Node
}

type Load = Expr & { op: 'load' | 'loadShared' }
type Store = Stmt & { kind: 'store' | 'storeShared' }

const homeOf = (scope: Scope, a: Load | Store): Address =>
  'array' in a ? scope.sharedArray(a.array) : { address: scope.buffer(a.buffer), offset: 0 }

/** A load in one lane or four; of a vector index in one lane the first. */
export function loadAt(at: MemoryAccess, e: Load, lanes: Lanes): Node {
  const home = homeOf(at.scope, e)
  if (lanes === 1) return loadScalar(addressOf(at, home, e.index, e.dtype), e.dtype)
  const stride = at.scope.facts.stride(e.index)
  if (stride === 0) {
    const one = addressOf(at, home, e.index, e.dtype)
    return loadRepeated(one, e.dtype) ?? splat(at.lower(e, 1), e.dtype)
  }
  if (stride === 1) return loadRow(addressOf(at, home, e.index, e.dtype), e.dtype)
  return gather(lanesOf(at, home, e.index, e.dtype), e.dtype)
}

/** A store as nodes to be run in order. */
export function storeAt(at: MemoryAccess, s: Store, dtype: Expr['dtype']): readonly Node[] {
  const home = homeOf(at.scope, s)
  const { index } = s
  if (index.lanes === 1) return [storeScalar(addressOf(at, home, index, dtype), at.lower(s.value, 1), dtype)]
  const value = at.lower(s.value, 4)
  if (at.scope.facts.stride(index) === 1) return [storeRow(addressOf(at, home, index, dtype), value, dtype)]
  return scatter(lanesOf(at, home, index, dtype), value, dtype)
}

const logBytes = (dtype: Expr['dtype']): number => (storedBytes(dtype) === 2 ? 1 : 2)

/** Where an index, or the first lane of a vector index, lies. */
function addressOf(at: MemoryAccess, home: Address, index: Expr, dtype: Expr['dtype']): Address {
  const { rest, constant } = at.scope.facts.split(index)
  const offset = home.offset + constant * storedBytes(dtype)
  if (!rest) return { address: home.address, offset }
  return { address: i32.add(home.address, i32.shl(at.lower(rest, 1), constI32(logBytes(dtype)))), offset }
}

function lanesOf(at: MemoryAccess, home: Address, index: Expr, dtype: Expr['dtype']): LaneAddresses {
  const stride = at.scope.facts.stride(index)
  const shift = constI32(logBytes(dtype))
  if (stride === undefined) {
    const start = i32x4.splat(i32.add(home.address, constI32(home.offset)))
    return scatteredLanes(i32x4.add(start, i32x4.shl(at.lower(index, 4), shift)))
  }
  const first = addressOf(at, home, index, dtype)
  if (typeof stride === 'number') return stridedLanes(first, stride * storedBytes(dtype))
  return stridedLanes(first, i32.shl(at.lower(stride, 1), shift))
}
