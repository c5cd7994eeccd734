/** Dawn as a page has it: its constants are globals, and `navigator.gpu` is for the caller to define. */
export async function browserGpu(): Promise<GPU> {
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  kept = create([])
  return kept
}

/** Once the object that `create` returns is collected, the next call into Dawn crashes. */
let kept: GPU | null = null

export function defineNavigator(fields: { readonly hardwareConcurrency: number; readonly gpu: GPU | undefined }): void {
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node.js', ...fields }, configurable: true })
}
