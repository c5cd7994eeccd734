import { flattenNames } from '../models/names.ts'
import { splitRows } from '../models/split.ts'
import { bytesPerRow } from '../models/storage.ts'
import { isMatrixSpec, isParamSpec } from '../nn/param.ts'
import { storeToRun } from './inference.ts'
import type { PlannedModel } from './model.ts'
import type { Buffer, Paper } from './paper.ts'
import type { PlanRequest } from './request.ts'

/** Limits that WebGPU devices have: the default, and what cards usually offer. */
export const USUAL_LIMITS = [2 ** 27, 2 ** 30, 2 ** 31] as const

/** Equal tensors that are larger than a kernel can bind. */
export interface LargeWeight {
  /** With `*` for the number of a layer. */
  readonly name: string
  readonly shape: readonly number[]
  readonly count: number
  /** Of the largest buffer that each would take whole. */
  readonly bytes: number
  /** Into how many pieces each is split, at the limit asked for and at the usual ones; null for what is no matrix. */
  readonly pieces: { readonly atLimit: number; readonly usual: readonly number[] } | null
}

const pattern = (name: string): string => name.replace(/(^|\.)\d+(?=\.)/g, '$1*')

/** Of the weights to run a model, those that must be split. */
export function largeWeights(model: PlannedModel, request: PlanRequest, unread: ReadonlySet<string>): LargeWeight[] {
  const store = storeToRun(request)
  const found = new Map<string, LargeWeight>()
  for (const [name, leaf] of flattenNames(model.spec, isParamSpec)) {
    const I = leaf.shape.at(-1) ?? 1
    const row = bytesPerRow(I, store(name, leaf))
    const bytes = (row * leaf.shape.reduce((a, b) => a * b, 1)) / I
    if (bytes <= request.bindingLimit || unread.has(name)) continue
    const key = `${pattern(name)} ${leaf.shape}`
    const known = found.get(key)
    const piecesAt = (limit: number): number => (isMatrixSpec(leaf) ? splitRows(leaf.shape, row, limit).length : 1)
    found.set(key, {
      name: pattern(name),
      shape: leaf.shape,
      count: (known?.count ?? 0) + 1,
      bytes,
      pieces: isMatrixSpec(leaf)
        ? { atLimit: piecesAt(request.bindingLimit), usual: USUAL_LIMITS.map(piecesAt) }
        : null,
    })
  }
  return [...found.values()]
}

/** Equal temporaries, or inputs that are no weights, of a program. */
export interface LargeBuffer extends Buffer {
  readonly program: string
  readonly count: number
}

/** What a program needs besides weights and is larger than a kernel can bind: it does not run where that is the limit. */
export function largeBuffers(paper: Paper, request: PlanRequest): LargeBuffer[] {
  const found = new Map<string, LargeBuffer>()
  const others = paper.inputs.filter(({ name }) => !/^(params|trained|state|frozen)\b/.test(name))
  for (const { name, bytes } of [...paper.temporaries, ...others]) {
    if (bytes <= request.bindingLimit) continue
    // The cache has a tensor for each layer, cache.k[3].
    const key = name.replace(/^(cache\.[kv])\[\d+\]$/, '$1[*]')
    const known = found.get(key)
    found.set(key, { program: paper.name, name: key, bytes, count: (known?.count ?? 0) + 1 })
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes)
}
