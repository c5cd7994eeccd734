import { openDevice } from '../../src/runtime/registry.ts'
import { leave } from '../runtime/leaving.ts'
import { AXPY, addInPlace, twoSteps } from './runtime-programs.ts'

/** Run by runtime-exit.test.ts in a process of its own: leaves it in one of several ways. */
const [way] = process.argv.slice(2)
const device = await openDevice('webgpu')
await leave(way!, device, addInPlace(1 << 18, 1, 100), {
  'exit while compiling'() {
    // A text that no cache on disk knows.
    const wgsl = AXPY.wgsl.replace('id.x < params.n', `id.x < params.n && params.n != ${process.pid}u`)
    void device.load({ ...twoSteps(64), kernels: [{ ...AXPY, wgsl }] })
    console.log('exiting')
    process.exit(7)
  },
})
