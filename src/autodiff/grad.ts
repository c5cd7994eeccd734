import { isFloat } from '../ir/dtype.ts'
import { formatType } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { DTypeError, TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import type { Flat } from '../util/tree.ts'
import { vjpGraph } from './reverse.ts'
import { flattenArgs, leafRanges, traceTree } from './trace-tree.ts'

export type Argnums = number | readonly number[]

export interface GradOptions<N extends Argnums, Aux extends boolean> {
  /** Which argument, or arguments, to differentiate with respect to; the first unless said. */
  readonly argnums?: N
  /** The function returns `[loss, aux]`, aux being a tree that is passed through. */
  readonly hasAux?: Aux
  /** Integer and boolean leaves get gradients of zeros in their own dtype, rather than an error. */
  readonly allowInt?: boolean
}

/** Gradients have the structure of the argument, or are a tuple of such for a list of argnums. */
export type GradOf<A extends readonly unknown[], N extends Argnums> = N extends number
  ? A[N]
  : N extends readonly number[]
    ? { -readonly [I in keyof N]: N[I] extends keyof A ? A[N[I]] : never }
    : never

/**
 * The function that returns the value of `f` and its gradient: `[value, grads]`, or `[[value, aux], grads]` with
 * `hasAux`.
 *
 * @throws TraceError unless `f` returns a scalar of a float dtype; DTypeError where a leaf to differentiate with
 * respect to is not of a float dtype, unless `allowInt`.
 */
export function valueAndGrad<A extends readonly unknown[], R extends Tensor, const N extends Argnums = 0>(
  f: (...args: A) => R,
  options?: GradOptions<N, false>,
): (...args: A) => [value: R, grads: GradOf<A, N>]
export function valueAndGrad<A extends readonly unknown[], R extends Tensor, X, const N extends Argnums = 0>(
  f: (...args: A) => readonly [R, X],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [value: [value: R, aux: X], grads: GradOf<A, N>]
export function valueAndGrad(f: (...args: readonly unknown[]) => unknown, options: GradOptions<Argnums, boolean> = {}) {
  return (...args: readonly unknown[]): unknown => {
    const { value, aux, grads } = differentiate('valueAndGrad', f, options, args)
    return options.hasAux ? [[value, aux], grads] : [value, grads]
  }
}

/** Like `valueAndGrad`, returning the gradient only, or `[grads, aux]` with `hasAux`. */
export function grad<A extends readonly unknown[], const N extends Argnums = 0>(
  f: (...args: A) => Tensor,
  options?: GradOptions<N, false>,
): (...args: A) => GradOf<A, N>
export function grad<A extends readonly unknown[], X, const N extends Argnums = 0>(
  f: (...args: A) => readonly [Tensor, X],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [grads: GradOf<A, N>, aux: X]
export function grad(f: (...args: readonly unknown[]) => unknown, options: GradOptions<Argnums, boolean> = {}) {
  return (...args: readonly unknown[]): unknown => {
    const { aux, grads } = differentiate('grad', f, options, args)
    return options.hasAux ? [grads, aux] : grads
  }
}

function differentiate(
  what: string,
  f: (...args: readonly unknown[]) => unknown,
  { argnums = 0, hasAux = false, allowInt = false }: GradOptions<Argnums, boolean>,
  args: readonly unknown[],
): { value: unknown; aux: unknown; grads: unknown } {
  const flat = flattenArgs(what, args)
  const chosen = typeof argnums === 'number' ? [argnums] : argnums
  const wanted = wantedLeaves(what, args, chosen, flat, allowInt)
  const { graph, captures, result } = traceTree(what, f, args, flat)
  checkLoss(what, result, hasAux)
  const { outputs, pull } = vjpGraph(graph, [...flat.leaves, ...captures], [...wanted, ...captures.map(() => false)])
  const loss = outputs[0]!
  const cts = pull(outputs.map((_, i) => (i === 0 ? rawOps.full(loss.dtype, [], 1) : null)))
  const trees = flat.rebuild(flat.leaves.map((x, i) => cts[i] ?? rawOps.zerosLike(x)))
  const all = Array.isArray(trees) ? trees : []
  const whole = result.rebuild(outputs)
  const [value, aux] = hasAux && Array.isArray(whole) ? whole : [whole, undefined]
  return { value, aux, grads: typeof argnums === 'number' ? all[argnums] : chosen.map((n) => all[n]) }
}

/** Which leaves of the arguments to differentiate with respect to. */
function wantedLeaves(
  what: string,
  args: readonly unknown[],
  argnums: readonly number[],
  { leaves, paths }: Flat<Tensor>,
  allowInt: boolean,
): boolean[] {
  const ranges = leafRanges(args)
  const wanted = leaves.map(() => false)
  for (const n of argnums) {
    const span = ranges[n]
    if (!span) {
      throw new TraceError(`${what}: argnums ${n}, but the function was called with ${args.length} arguments`, {
        at: userLocation(),
        hint: 'argnums count from 0 and name arguments of the call',
      })
    }
    for (let i = span.start; i < span.end; i++) {
      const x = leaves[i]!
      if (!isFloat(x.dtype) && !allowInt) {
        throw new DTypeError(`${what}: argument${paths[i]} is ${formatType(x)}, which has no gradient`, {
          at: userLocation(),
          hint: 'leave it out of argnums, or pass {allowInt: true} for a gradient of zeros',
        })
      }
      wanted[i] = isFloat(x.dtype)
    }
  }
  return wanted
}

function checkLoss(what: string, result: Flat<Tensor>, hasAux: boolean): void {
  const shape = hasAux ? '[loss, aux]' : 'one scalar tensor'
  const fail = (got: string): never => {
    throw new TraceError(`${what}: the function must return ${shape} with a loss of f32[] or f16[], got ${got}`, {
      at: userLocation(),
      hint: 'reduce the loss to a scalar with sum or mean; return other values as aux, with {hasAux: true}',
    })
  }
  if (hasAux ? !/^\[\*/.test(result.structure) : result.structure !== '*') fail(`the structure ${result.structure}`)
  const loss = result.leaves[0]!
  if (loss.rank !== 0 || !isFloat(loss.dtype)) fail(formatType(loss))
}
