import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Program } from '../../src/codegen/program.ts'
import type { Device } from '../../src/runtime/device.ts'
import { closeDevices } from '../../src/runtime/registry.ts'

export interface Left {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script in a process of its own, which must end by itself. */
export function runScript(script: URL, args: readonly string[], timeout: number): Promise<Left> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(script), ...args], { timeout })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout: stdout.trim(), stderr }))
  })
}

/** In such a script: leaves the process in one of several ways while a program of one input works on the device. */
export async function leave(
  way: string,
  device: Device,
  program: Program,
  otherWays: Readonly<Record<string, () => void>> = {},
): Promise<void> {
  const n = program.inputs[0]!.shape[0]!
  const slow = await device.load(program)
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
    default: {
      const other = otherWays[way]
      if (!other) throw new Error(`no such way: ${way}`)
      other()
    }
  }
}
