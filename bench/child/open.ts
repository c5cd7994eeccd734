import type { Implementation, ImplementationOptions } from '../implementation.ts'
import type { ChildKind } from './messages.ts'

/** Libraries are loaded only where they are used: no two of them share a process. */
export async function openImplementation(kind: ChildKind, options: ImplementationOptions): Promise<Implementation> {
  switch (kind) {
    case 'weft':
      return (await import('../implementations/weft.ts')).openWeft(options)
    case 'jax-js':
      // jax-js looks for workers as it is loaded.
      await (await import('../implementations/jax-js-host.ts')).standInForBrowser(options)
      return (await import('../implementations/jax-js.ts')).openJaxJs(options)
    case 'onnxruntime-web':
      return (await import('../implementations/onnxruntime-web.ts')).openOnnxRuntime(options)
  }
}
