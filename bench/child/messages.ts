import type { Case } from '../cases.ts'
import type { ImplementationOptions, Outputs, ProgramFacts } from '../implementation.ts'

/** Implementations that run in a Node process of their own. */
export type ChildKind = 'weft' | 'weft-unfused' | 'jax-js' | 'onnxruntime-web' | 'onnxruntime-node' | 'tfjs'

/** What the benchmark asks of a child, one thing at a time. */
export type Request =
  | { readonly ask: 'open'; readonly kind: ChildKind; readonly options: ImplementationOptions }
  | { readonly ask: 'prepare'; readonly what: Case }
  | { readonly ask: 'run' }
  | { readonly ask: 'outputs' }
  | { readonly ask: 'facts' }
  | { readonly ask: 'dispose' }

export type Reply =
  | { readonly ok: true; readonly value: ReplyValue }
  | { readonly ok: false; readonly unsupported: boolean; readonly message: string }

/** A version; milliseconds; results; facts of a program; or nothing. */
export type ReplyValue = string | number | Outputs | ProgramFacts | null
