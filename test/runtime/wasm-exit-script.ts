import { openDevice } from '../../src/runtime/registry.ts'
import { leave } from './leaving.ts'
import { addInPlace } from './wasm-programs.ts'

/** Run by wasm-exit.test.ts in a process of its own: leaves it in one of several ways. */
const [way, threads] = process.argv.slice(2)
await leave(way!, await openDevice('wasm', { threads: Number(threads) }), addInPlace(1 << 16, 1, 500))
