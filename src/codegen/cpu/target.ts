import { UnsupportedError } from '../../util/errors.ts'
import type { Target } from '../target.ts'

const notYet = (): never => {
  throw new UnsupportedError('the wasm target is being built')
}
export const cpuTarget: Target = { name: 'wasm', schedule: notYet, text: notYet, assemble: notYet }
