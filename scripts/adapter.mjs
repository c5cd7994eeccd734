/**
 * Asks Dawn for a WebGPU adapter and a device, and prints which it is.
 * Exits with 0 when there is one, 1 when there is none, 2 when the npm packages are not installed.
 */
async function loadDawn() {
  try {
    return await import('webgpu')
  } catch (cause) {
    console.error(`webgpu cannot be loaded (${cause.code ?? cause.message}): run 'npm ci' first`)
    process.exit(2)
  }
}

const { create } = await loadDawn()
// Once what create() returns is collected, the next call crashes in native code: hold it to the end.
globalThis.dawn = create([])
const adapter = await globalThis.dawn.requestAdapter()
if (adapter === null) {
  console.error('no WebGPU adapter')
  process.exit(1)
}
const device = await adapter.requestDevice()
const { vendor, architecture, device: model, description } = adapter.info
console.log([vendor, architecture, model, description].filter(Boolean).join(' '))
device.destroy()
process.exit(0)
