import { isObject } from '../util/json.ts'

/** The ids that end a text by a configuration of Hugging Face: `eos_token_id`, one or several. */
export function endTokens(config: unknown): readonly number[] {
  const ids = isObject(config) ? config['eos_token_id'] : undefined
  return [ids].flat().filter((id) => typeof id === 'number')
}
