/**
 * The part of the WebAssembly interface that weft uses: it stands in the DOM's types, which Node's leave out, and of
 * the DOM weft sees no more than that.
 */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    readonly initial: number
    readonly maximum: number
    readonly shared: boolean
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: SharedArrayBuffer | ArrayBuffer
    /** @throws RangeError where there is no more. */
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>)
  }
  interface Imports {
    readonly [module: string]: { readonly [name: string]: Memory }
  }
  class Instance {
    constructor(module: Module, imports: Imports)
    readonly exports: { readonly [name: string]: unknown }
  }
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>
  function instantiate(module: Module, imports: Imports): Promise<Instance>
}
