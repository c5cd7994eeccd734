import type { Kernel } from '../kernel-ir.ts'
import { Expressions } from './expressions.ts'
import { i32 } from './instructions.ts'
import { ModuleWriter } from './module.ts'
import { constI32, getLocal } from './node.ts'
import { END, GROUP, Scope } from './scope.ts'
import { Statements } from './statements.ts'

/** A kernel as a WebAssembly module with the interface of `WasmKernel`. @throws UnsupportedError on what has no lowering */
export function assembleKernel(
  kernel: Kernel,
  options: { readonly fusedMultiplyAdd: boolean },
): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter(options.fusedMultiplyAdd)
  const scope = new Scope(kernel, module, (scope, e, lanes) => new Expressions(scope).lower(e, lanes))
  const body = new Statements(kernel, scope, module).block(kernel.body)
  const { run } = module
  for (const { local, value } of scope.prologue()) run.set(local, value)
  const group = getLocal(GROUP, 'i32')
  const left = () => i32.ltS(group, getLocal(END, 'i32'))
  run.when(left(), () =>
    run.repeat(() => {
      body()
      run.set(GROUP, i32.add(group, constI32(1)))
    }, left),
  )
  return module.finish()
}
