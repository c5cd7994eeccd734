/** How a kernel's module names the memory that it imports, up to the flags of its limits. */
const IMPORT = [...[...'memory'].map((c) => c.charCodeAt(0)), 0x02]
const SHARED_WITH_MAXIMUM = 0x03
const WITH_MAXIMUM = 0x01

/**
 * A kernel for a memory that is not shared. Kernels are made for a shared one, which also serves a single thread; but
 * some browsers give a page that is not isolated no shared memory at all, and an import must say which kind it is.
 * @throws TypeError if the module imports no shared memory.
 */
export function forOwnMemory(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = module.findIndex((_, i) => IMPORT.every((byte, k) => module[i + k] === byte))
  const flags = at + IMPORT.length
  if (at < 0 || module[flags] !== SHARED_WITH_MAXIMUM) throw new TypeError('it imports no shared memory')
  const changed = module.slice()
  changed[flags] = WITH_MAXIMUM
  return changed
}
