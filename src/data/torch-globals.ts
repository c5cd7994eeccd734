import { FileError } from '../util/errors.ts'
import { Callable, globalName, Namespace, Opaque, type PickleValue } from './pickle.ts'

/** Where elements lie: an entry of the archive, by its key. */
export interface Storage {
  readonly key: string
  /** As safetensors calls it; undefined where the tensor says. */
  readonly stored: string | undefined
  /** Elements, or bytes where the type is not known. */
  readonly length: number
}

/** A tensor as the pickle describes it: a view of a storage. Nothing about it has been checked but its form. */
export interface TensorView {
  readonly storage: Storage
  readonly stored: string
  /** In elements, as the strides. */
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

class StorageType {
  readonly stored: string | undefined
  constructor(stored: string | undefined) {
    this.stored = stored
  }
}
class ElementType {
  readonly stored: string
  constructor(stored: string) {
    this.stored = stored
  }
}

const storage = (stored: string | undefined): Opaque => new Opaque(new StorageType(stored))
const element = (stored: string): Opaque => new Opaque(new ElementType(stored))

/** Everything that a checkpoint may name. */
const TORCH_GLOBALS: Readonly<Record<string, PickleValue>> = {
  'collections.OrderedDict': new Callable(orderedDict),
  'torch._utils._rebuild_tensor_v2': new Callable((args, fail) => new Opaque(rebuild(args, undefined, fail))),
  'torch._utils._rebuild_tensor_v3': new Callable((args, fail) => new Opaque(rebuild(args, args[6], fail))),
  'torch._utils._rebuild_parameter': new Callable(([tensor = null]) => tensor),
  'torch.Size': new Callable(([size = []]) => size),
  'torch.FloatStorage': storage('F32'),
  'torch.HalfStorage': storage('F16'),
  'torch.BFloat16Storage': storage('BF16'),
  'torch.DoubleStorage': storage('F64'),
  'torch.LongStorage': storage('I64'),
  'torch.IntStorage': storage('I32'),
  'torch.ShortStorage': storage('I16'),
  'torch.CharStorage': storage('I8'),
  'torch.ByteStorage': storage('U8'),
  'torch.BoolStorage': storage('BOOL'),
  'torch.storage.UntypedStorage': storage(undefined),
  'torch.storage._UntypedStorage': storage(undefined),
  'torch.float32': element('F32'),
  'torch.float16': element('F16'),
  'torch.bfloat16': element('BF16'),
  'torch.float64': element('F64'),
  'torch.int64': element('I64'),
  'torch.int32': element('I32'),
  'torch.int16': element('I16'),
  'torch.int8': element('I8'),
  'torch.uint16': element('U16'),
  'torch.uint32': element('U32'),
  'torch.uint64': element('U64'),
  'torch.uint8': element('U8'),
  'torch.bool': element('BOOL'),
  'torch.float8_e4m3fn': element('F8_E4M3'),
  'torch.float8_e5m2': element('F8_E5M2'),
}

/** What arguments of a training run hold besides: an enumeration's value, or its name where Python 3.11 wrote that. */
const schedule = new Callable(([value = null]) => value)
const ARGUMENT_GLOBALS: Readonly<Record<string, PickleValue>> = {
  ...TORCH_GLOBALS,
  'argparse.Namespace': new Callable(() => new Namespace()),
  'torch.device': new Callable(deviceName),
  'transformers.trainer_utils.SchedulerType': schedule,
  '__builtin__.getattr': new Callable(memberName),
  'builtins.getattr': new Callable(memberName),
}

/** The stand-ins for what a checkpoint names. @throws FileError, with the command that converts `path`, for any other. */
export const torchGlobal = (path: string) => lookUp(TORCH_GLOBALS, path)
/** The same for arguments of a training run. */
export const argumentGlobal = (path: string) => lookUp(ARGUMENT_GLOBALS, path)

const lookUp = (known: Readonly<Record<string, PickleValue>>, path: string) => (module: string, name: string) => {
  const key = `${module}.${name}`
  const value = Object.hasOwn(known, key) ? known[key] : undefined
  if (value !== undefined) return value
  throw new FileError(`${path}: asks for ${globalName(module, name)}, which could run any code and is not called`, {
    hint: conversionHint(path),
  })
}

/** How to make a file of it that runs nothing when it is read; PyTorch refuses code as well with `weights_only`. */
export const conversionHint = (path: string): string =>
  `convert its tensors with PyTorch: python -c "import torch, safetensors.torch as s; ` +
  `s.save_file({k: v.clone().contiguous() for k, v in torch.load('${/^[\w./-]+$/.test(path) ? path : 'FILE'}', ` +
  `map_location='cpu', weights_only=True).items()}, 'model.safetensors')"`

/** What a persistent id of torch.save stands for: ('storage', type, key, location, length). */
export function storageOf(id: PickleValue, path: string): Opaque {
  const [tag, type, key, , length] = Array.isArray(id) ? id : []
  const kind = type instanceof Opaque ? type.value : undefined
  if (tag !== 'storage' || !(kind instanceof StorageType) || typeof key !== 'string' || !isCount(length)) {
    throw new FileError(`${path}: refers to something that is no storage`)
  }
  return new Opaque({ key, stored: kind.stored, length } satisfies Storage)
}

/** The tensor that a value of the pickle is, or undefined. */
export const tensorIn = (value: PickleValue): TensorView | undefined =>
  value instanceof Opaque && isView(value.value) ? value.value : undefined

function rebuild(args: readonly PickleValue[], type: PickleValue | undefined, fail: Fail): TensorView {
  const [source, offset, shape, strides] = args
  const held = source instanceof Opaque && isStorage(source.value) ? source.value : undefined
  const given = type instanceof Opaque && type.value instanceof ElementType ? type.value.stored : undefined
  const stored = given ?? held?.stored
  if (!held || stored === undefined || !isCount(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw fail('a tensor that is not a storage, an offset, sizes and strides')
  }
  if (shape.length !== strides.length) throw fail(`a tensor of ${shape.length} sizes and ${strides.length} strides`)
  return { storage: held, stored, offset, shape, strides }
}

/** Without arguments, as Python 3 writes it: the entries follow. */
function orderedDict(args: readonly PickleValue[], fail: Fail): PickleValue {
  if (args.length > 0) throw fail('an OrderedDict with arguments, as Python 2 wrote it')
  return new Map()
}

/** `cuda:0` */
function deviceName([kind, index]: readonly PickleValue[], fail: Fail): PickleValue {
  if (typeof kind !== 'string') throw fail('a device without a name')
  return typeof index === 'number' ? `${kind.slice(0, 100)}:${index}` : kind
}

function memberName([owner, name]: readonly PickleValue[], fail: Fail): PickleValue {
  if (owner === schedule && typeof name === 'string') return name.slice(0, 100).toLowerCase()
  throw fail('asks for an attribute, which could run any code')
}

type Fail = (problem: string) => FileError

const isCount = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0
/** PyTorch's own limit is 64 dimensions. */
const isSizes = (x: unknown): x is number[] => Array.isArray(x) && x.length <= 64 && x.every(isCount)
const isStorage = (x: unknown): x is Storage => typeof x === 'object' && x !== null && 'key' in x && 'length' in x
const isView = (x: unknown): x is TensorView => typeof x === 'object' && x !== null && 'storage' in x && 'strides' in x
