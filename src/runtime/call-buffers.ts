import type { Program } from '../codegen/program.ts'
import type { Allocation, TensorMemory } from './allocation.ts'
import { writtenInputs } from './check-program.ts'
import type { DeviceTensor, Tensors } from './device-tensor.ts'
import { tensorBytes } from './layout.ts'
import { tensorText } from './size-text.ts'

/** A copy to be made before a call's steps. */
export interface InputCopy<A extends Allocation> {
  readonly from: A
  readonly to: A
  readonly bytes: number
}

/** The memory of one call. */
export interface CallBuffers<A extends Allocation> {
  readonly inputs: readonly A[]
  readonly outputs: readonly DeviceTensor<A>[]
  readonly copies: readonly InputCopy<A>[]
}

/** Finds memory for calls of one program. */
export class CallPlanner<A extends Allocation> {
  readonly #program: Program
  readonly #memory: TensorMemory<A>
  readonly #tensors: Tensors<A>
  readonly #written: ReadonlySet<number>

  constructor(program: Program, memory: TensorMemory<A>, tensors: Tensors<A>) {
    this.#program = program
    this.#memory = memory
    this.#tensors = tensors
    this.#written = writtenInputs(program)
  }

  /** @throws DeviceError if there is not enough memory; then nothing is held. */
  plan(inputs: readonly DeviceTensor<A>[]): CallBuffers<A> {
    const copies: InputCopy<A>[] = []
    try {
      const owned = inputs.map((tensor, i) => this.#ownedInput(tensor, i, copies))
      return { inputs: owned, outputs: this.#outputs(owned), copies }
    } catch (cause) {
      for (const copy of copies) this.#memory.release(copy.to)
      throw cause
    }
  }

  /** The call will not be made after all. */
  abandon(call: CallBuffers<A>): void {
    for (const tensor of call.outputs) tensor.dispose()
    for (const copy of call.copies) this.#memory.release(copy.to)
  }

  /** To be called once the call is submitted: donated tensors are gone, copies live on in the outputs alone. */
  submitted(call: CallBuffers<A>, inputs: readonly DeviceTensor<A>[]): void {
    for (const copy of call.copies) this.#memory.release(copy.to)
    this.#program.inputs.forEach((input, i) => {
      if (input.donated) inputs[i]?.giveUp(`donated to a call of ${this.#program.name}`)
    })
  }

  /**
   * The input's memory, or a copy where the program writes over memory that another tensor shares (after a call that
   * handed an input through): only the tensor was given up, not what others hold.
   */
  #ownedInput(tensor: DeviceTensor<A>, index: number, copies: InputCopy<A>[]): A {
    const from = tensor.use()
    if (!this.#written.has(index) || from.refs === 1) return from
    const bytes = tensorBytes(tensor.dtype, tensor.shape)
    const to = this.#memory.allocate(bytes, () => `a copy of ${this.#program.inputs[index]?.name}`)
    copies.push({ from, to, bytes })
    return to
  }

  #outputs(inputs: readonly A[]): DeviceTensor<A>[] {
    const { name: program } = this.#program
    const made: DeviceTensor<A>[] = []
    try {
      for (const { aliasOf, dtype, shape, name } of this.#program.outputs) {
        const what = () => `output ${name} of ${program} (${tensorText(dtype, shape)})`
        const allocation =
          aliasOf === null
            ? this.#memory.allocate(tensorBytes(dtype, shape), what)
            : this.#memory.retain(inputs[aliasOf]!)
        made.push(this.#tensors.wrap(allocation, dtype, shape, `output ${name} of ${program}`))
      }
    } catch (cause) {
      for (const tensor of made) tensor.dispose()
      throw cause
    }
    return made
  }
}
