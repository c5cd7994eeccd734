import type { Implementation, ImplementationOptions } from '../implementation.ts'
import type { ChildKind } from './messages.ts'

/** Libraries are loaded only where they are used: no two of them share a process. */
export async function openImplementation(kind: ChildKind, options: ImplementationOptions): Promise<Implementation> {
  switch (kind) {
    case 'weft':
    case 'weft-unfused':
      return (await import('../implementations/weft.ts')).openWeft(options, kind)
    case 'jax-js':
      // jax-js looks for workers as it is loaded.
      await (await import('../implementations/jax-js-host.ts')).standInForBrowser(options)
      return (await import('../implementations/jax-js.ts')).openJaxJs(options)
    case 'tfjs': {
      const { browserGpu, defineNavigator } = await import('../implementations/browser-gpu.ts')
      defineNavigator({ hardwareConcurrency: options.threads, gpu: await browserGpu() })
      return (await import('../implementations/tfjs.ts')).openTfjs(options)
    }
    case 'onnxruntime-node':
      return (await import('../implementations/onnxruntime-node.ts')).openOnnxRuntimeNode(options)
    case 'onnxruntime-web':
      return (await import('../implementations/onnxruntime-web.ts')).openOnnxRuntimeWeb(options)
  }
}
