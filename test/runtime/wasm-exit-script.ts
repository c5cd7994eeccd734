import { closeDevices, openDevice } from '../../src/runtime/registry.ts'
import { addInPlace } from './wasm-programs.ts'

/** Run by wasm-exit.test.ts in a process of its own: leaves it in one of several ways. */
const [way, threads] = process.argv.slice(2)
const device = await openDevice('wasm', { threads: Number(threads) })
const n = 1 << 16
const slow = await device.load(addInPlace(n, 1, 500))
const [out] = slow.run([device.upload({ dtype: 'f32', shape: [n], data: new Float32Array(n) })])
// A global that holds the device must not hold the process.
Reflect.set(globalThis, 'held', device)

switch (way) {
  case 'finished':
    console.log((await out!.read()).data[0])
    break
  case 'working':
    console.log('working')
    break
  case 'reading':
    void out!.read().then((array) => console.log(array.data[0]))
    break
  case 'exit while reading':
    void out!.read()
    console.log('exiting')
    process.exit(7)
    break
  case 'throw':
    throw new Error('thrown on purpose')
  case 'closed': {
    const reading = out!.read().then(String, (error: unknown) => console.log(String(error).split('\n')[0]))
    closeDevices()
    closeDevices()
    await reading
    break
  }
  default:
    throw new Error(`no such way: ${way}`)
}
