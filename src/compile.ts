import { type Built, programSlices } from './codegen/build-program.ts'
import { explainGraph, explainProgram, type FirstCallTimes } from './codegen/explain.ts'
import { bindSizes, type Sizes } from './ir/bind-sizes.ts'
import type { HostArray } from './ir/dtype.ts'
import { evaluate } from './ir/evaluate.ts'
import type { Graph } from './ir/graph.ts'
import { traceTree } from './ir/make-graph.ts'
import { isSpec, type Spec } from './ir/ops/spec.ts'
import { fromDevice, fromHost, hostArrayOf, isTensor, type Tensor } from './ir/tensor.ts'
import type { Shape } from './ir/types.ts'
import { type PassReport, runPasses } from './passes/pipeline.ts'
import { chooseDevice, type DeviceChoice } from './runtime/choose.ts'
import type { Device, DeviceBuffer, Executable } from './runtime/device.ts'
import { type Profile, profileOf } from './runtime/profile.ts'
import { UnsupportedError } from './util/errors.ts'
import { inSlices } from './util/sliced.ts'
import { flatten } from './util/tree.ts'

export type { Profile } from './runtime/profile.ts'

export interface CompileOptions {
  /**
   * `auto` (the default) takes a graphics card through WebGPU if there is one, else WebAssembly on the processor, and
   * says in one line which. `webgpu` also takes a software adapter. Or a device of your own from `openDevice`.
   */
  readonly device?: DeviceChoice | Device
  /** Positions of arguments whose buffers the call may take over; their tensors cannot be used afterwards. */
  readonly donate?: readonly number[]
  /** Names of the parameters in messages and listings. */
  readonly argNames?: readonly string[]
  /** Name of the function in listings. */
  readonly name?: string
  /** Told of every compiler pass. */
  readonly onPass?: (report: PassReport) => void
}

/** A tree of specs or example tensors, of any structure. */
export type SpecTree = Spec | Tensor | readonly SpecTree[] | { readonly [key: string]: SpecTree }

/**
 * Specs for a tree of tensors: a spec (or an example tensor) for every leaf. Where the type says only that there is
 * some tree (an optimiser's state), any tree of specs will do.
 */
export type SpecsOf<T> = [T] extends [Tensor<infer S, infer D>]
  ? Spec<S, D> | Tensor<S, D> | (number extends S['length'] ? Spec<Shape, D> : never)
  : [Tensor] extends [T]
    ? SpecTree
    : { readonly [K in keyof T]: SpecsOf<T[K]> }

/** A compiled function. Calls run in order; results stay on the device until they are read. */
export interface Compiled<A extends readonly unknown[], R> {
  /**
   * @throws ShapeError, DTypeError for arguments that do not fit the specs; DeviceError if the device fails.
   */
  (...args: A): Promise<R>
  /** The optimised graph, for the sizes of the last call or the given ones. */
  graph(sizes?: Sizes): Graph
  /** What the compiler made of it: kernels and what is fused in each, why each value is stored, memory, the kernels' text. */
  explain(sizes?: Sizes): Promise<string>
  /** Runs once with a timestamp around every kernel. @throws UnsupportedError where the device has none. */
  profile(...args: A): Promise<Profile<R>>
  /** Prepares everything for the given sizes, so that the first call does not wait. */
  prepare(sizes?: Sizes): Promise<void>
  dispose(): void
}

export type { Sizes } from './ir/bind-sizes.ts'

/** The function at one choice of sizes. */
interface Specialisation {
  readonly graph: Graph
  readonly captures: readonly Tensor[]
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  rebuild(leaves: readonly unknown[]): unknown
  /** Milliseconds that tracing and the passes took. */
  readonly tracing: number
  loaded: Promise<Loaded> | null
}

interface Loaded {
  readonly device: Device
  readonly built: Built
  readonly executable: Executable
  readonly captures: readonly DeviceBuffer[]
  readonly times: FirstCallTimes
}

const isLeaf = (x: unknown): x is Tensor | Spec => isTensor(x) || isSpec(x)

/**
 * Compiles a pure function of tensor trees to kernels. `specs` gives each argument's shapes and dtypes; a named
 * dimension (`spec(['B', 64])`) takes its size from the arguments of each call. The function is traced at once where
 * all sizes are numbers, else on the first call with new sizes; equal structures share kernels whatever their sizes.
 *
 * Name what `grad` and its kin return before compiling it (`const g = grad(f); compile(g, ...)`): written in place,
 * TypeScript does not infer its arguments.
 *
 * @throws ShapeError, DTypeError, TraceError as the function does when it is traced.
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  specs: SpecsOf<NoInfer<A>>,
  options: CompileOptions = {},
): Compiled<A, R> {
  const name = options.name ?? (fn.name || 'main')
  const specTrees = specs as readonly unknown[]
  const specFlat = flatten(specTrees, isLeaf, `${name}: specs`)
  const leafRange = leafPositions(specTrees)
  const donatedLeaf = (i: number): boolean => (options.donate ?? []).includes(leafRange[i]!)
  const cache = new Map<string, Specialisation>()
  let latest: Specialisation | undefined

  const specialise = (sizes: Sizes): Specialisation => {
    const key = JSON.stringify(Object.entries(sizes).sort())
    const known = cache.get(key)
    if (known) return known
    const start = performance.now()
    const traced = traceTree(fn as (...args: never[]) => unknown, specTrees, {
      name,
      sizes,
      ...(options.argNames ? { argNames: options.argNames } : {}),
    })
    const graph = runPasses(traced.graph, options.onPass ? { onPass: options.onPass } : {})
    const own = graph.inputs.length - traced.captures.length
    const made: Specialisation = {
      graph,
      captures: traced.captures,
      inputNames: graph.inputs.map((v, i) => (i < own ? (v.name ?? `input ${i}`) : `captured tensor ${i - own}`)),
      outputNames: traced.result.paths.map((p) => (p === '' ? 'result' : `result ${p}`)),
      rebuild: (leaves) => traced.result.rebuild(leaves),
      tracing: performance.now() - start,
      loaded: null,
    }
    cache.set(key, made)
    return made
  }

  const load = (s: Specialisation, device: Device): Promise<Loaded> => {
    s.loaded ??= (async () => {
      const program = programSlices(s.graph, {
        limits: device.limits,
        inputNames: s.inputNames,
        outputNames: s.outputNames,
        donated: s.inputNames.map((_, i) => donatedLeaf(i)),
      })
      const start = performance.now()
      const built = await inSlices(program)
      const generated = performance.now()
      const executable = await device.load(built.program)
      const times = { tracing: s.tracing, generation: generated - start, loading: performance.now() - generated }
      const captures = await Promise.all(s.captures.map((t) => toBuffer(t, device, 'captured tensor')))
      return { device, built, executable, captures, times }
    })()
    s.loaded.catch(() => {
      s.loaded = null
    })
    return s.loaded
  }

  /** Specialisation for these arguments, and their leaves. */
  const resolve = (args: readonly unknown[]): { s: Specialisation; leaves: readonly Tensor[] } => {
    const flat = flatten([...args], isTensor, `${name}: argument`)
    const sizes = bindSizes(name, specFlat, flat)
    latest = specialise(sizes)
    return { s: latest, leaves: flat.leaves }
  }

  const wrap = (s: Specialisation, buffers: readonly DeviceBuffer[]): R =>
    s.rebuild(buffers.map((b) => fromDevice(b.shape, b.dtype, b))) as R

  const gather = (leaves: readonly Tensor[], s: Specialisation, loaded: Loaded): Promise<DeviceBuffer[]> =>
    Promise.all([
      ...leaves.map((t, i) => toBuffer(t, loaded.device, s.inputNames[i]!, donatedLeaf(i))),
      ...loaded.captures,
    ])

  const call = async (...args: A): Promise<R> => {
    const { s, leaves } = resolve(args)
    const device = await chooseDevice(options.device ?? 'auto')
    if (device === 'reference') {
      const arrays = await Promise.all([...leaves, ...s.captures].map((t) => t.readHost()))
      return s.rebuild(evaluate(s.graph, arrays).map(fromHost)) as R
    }
    const loaded = await load(s, device)
    return wrap(s, loaded.executable.run(await gather(leaves, s, loaded)))
  }

  const current = (sizes: Sizes | undefined): Specialisation => {
    if (sizes === undefined && latest) return latest
    return specialise(sizes ?? {})
  }

  if (specFlat.leaves.every((leaf) => leaf.shape.every((d) => typeof d === 'number'))) latest = specialise({})

  return Object.assign(call, {
    graph: (sizes?: Sizes) => current(sizes).graph,
    async explain(sizes?: Sizes): Promise<string> {
      const s = current(sizes)
      const device = await chooseDevice(options.device ?? 'auto')
      if (device === 'reference') return explainGraph(s.graph)
      const { built, times } = await load(s, device)
      return explainProgram(s.graph, built, device.description, times)
    },
    async profile(...args: A): Promise<Profile<R>> {
      const { s, leaves } = resolve(args)
      const device = await chooseDevice(options.device ?? 'auto')
      if (device === 'reference') {
        throw new UnsupportedError('profile: the reference evaluator has no kernels', {
          hint: "use device: 'wasm' or 'webgpu'",
        })
      }
      const loaded = await load(s, device)
      const { outputs, times } = await loaded.executable.profile(await gather(leaves, s, loaded))
      return profileOf(wrap(s, outputs), times, device.kind)
    },
    async prepare(sizes?: Sizes): Promise<void> {
      const device = await chooseDevice(options.device ?? 'auto')
      if (device !== 'reference') await load(current(sizes), device)
    },
    dispose(): void {
      for (const s of cache.values()) {
        s.loaded?.then(
          (l) => {
            l.executable.dispose()
          },
          () => {},
        )
      }
      cache.clear()
    },
  })
}

/** Puts every tensor of a tree on a device, so that calls need not upload it again. */
export async function put<T>(tree: T, device: DeviceChoice | Device = 'auto'): Promise<T> {
  const target = await chooseDevice(device)
  if (target === 'reference') return tree
  const flat = flatten(tree, isTensor, 'put')
  const buffers = await Promise.all(flat.leaves.map((t, i) => toBuffer(t, target, flat.paths[i]!)))
  return flat.rebuild(buffers.map((b) => fromDevice(b.shape, b.dtype, b))) as T
}

/** Uploads are remembered for as long as the host array lives: parameters are sent once. */
const uploaded = new WeakMap<HostArray, Map<Device, DeviceBuffer>>()

async function toBuffer(t: Tensor, device: Device, name: string, donated = false): Promise<DeviceBuffer> {
  const { content } = t
  if (content.kind === 'device') {
    const { storage } = content
    if (device.owns(storage)) return storage
    return device.upload(await storage.read(), name)
  }
  const array = hostArrayOf(t, name)
  if (donated) return device.upload(array, name)
  const perDevice = uploaded.get(array) ?? new Map<Device, DeviceBuffer>()
  uploaded.set(array, perDevice)
  const known = perDevice.get(device)
  if (known && !known.disposed) return known
  const made = device.upload(array, name)
  perDevice.set(device, made)
  return made
}

/** For each leaf, the position of the argument it belongs to. */
const leafPositions = (trees: readonly unknown[]): number[] =>
  trees.flatMap((tree, i) => flatten(tree, isLeaf, 'specs').leaves.map(() => i))
