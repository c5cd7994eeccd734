import { FileError } from '../util/errors.ts'
import type { PickleValue } from './pickle.ts'
import { quoted } from './tensor-name.ts'
import { type TensorView, tensorIn } from './torch-globals.ts'

/** Where trainers put the state of the model beside that of other things; the first that is there is taken. */
const NESTED_IN = ['state_dict', 'model_state_dict', 'model', 'module'] as const
const MAX_DEPTH = 4

/**
 * The tensors of a state dictionary by name. A dictionary that has tensors is one; what else it has is passed over. In
 * one that has none, the state dictionary is looked for under `state_dict`, `model_state_dict`, `model` and `module`, in
 * this order and up to four deep.
 * @throws FileError where there is none.
 */
export function stateDict(root: PickleValue, path: string): Map<string, TensorView> {
  for (let value = root, depth = 0; value instanceof Map && depth < MAX_DEPTH; depth++) {
    const tensors = tensorsOf(value)
    if (tensors.size > 0) return tensors
    const dictionary = value
    const key = NESTED_IN.find((name) => dictionary.get(name) instanceof Map)
    if (key === undefined) break
    value = dictionary.get(key)!
  }
  const keys = root instanceof Map ? [...root.keys()].filter((key) => typeof key === 'string') : []
  throw new FileError(`${path}: holds no dictionary of tensors`, {
    hint:
      `it is looked for at the top and under ${NESTED_IN.join(', ')}; ` +
      (keys.length > 0 ? `the file has ${keys.slice(0, 8).map(quoted).join(', ')}` : 'the file is no dictionary'),
  })
}

function tensorsOf(dictionary: ReadonlyMap<PickleValue, PickleValue>): Map<string, TensorView> {
  const tensors = new Map<string, TensorView>()
  for (const [name, value] of dictionary) {
    const tensor = tensorIn(value)
    if (typeof name === 'string' && tensor) tensors.set(name, tensor)
  }
  return tensors
}
