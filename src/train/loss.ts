import type { Tensor } from '../ir/tensor.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'

/** What a loss function returns: the loss, or the loss and anything else. */
export type LossResult<X> = Tensor | readonly [loss: Tensor, aux: X]

export const isPair = <X>(result: LossResult<X>): result is readonly [Tensor, X] => Array.isArray(result)

/** aux where there is one. */
export interface Extra<X> {
  readonly aux?: X
}

/** The loss and, under its name, aux. @throws TraceError where there is an aux and none is wanted, or the reverse. */
export function splitAux<X>(what: string, result: LossResult<X>, hasAux: boolean): readonly [Tensor, Extra<X>] {
  if (isPair(result) !== hasAux) {
    throw new TraceError(`${what}: the loss function must return ${hasAux ? '[loss, aux]' : 'one scalar tensor'}`, {
      at: userLocation(),
      hint: hasAux ? 'or leave out hasAux' : 'return other values as aux, with {hasAux: true}',
    })
  }
  return isPair(result) ? [result[0], { aux: result[1] }] : [result, {}]
}
