import type { Value } from '../../ir/graph.ts'
import { KernelBuilder } from '../kernel-builder.ts'
import type { Builtin, Expr, SharedArray } from '../kernel-ir.ts'
import type { DeviceLimits } from '../program.ts'
import { rewriteBody } from '../rewrite-kernel.ts'
import type { Scheduled } from '../schedule.ts'
import { groupNumber, spreadGroups } from './spread.ts'

/**
 * Kernels that know nothing of one another as one: the first workgroups do what the first says, the next ones what the
 * second says, and so on. All threads of a workgroup take the same way, so that they may wait for each other.
 */
export function scheduleSideBySide(members: readonly Scheduled[], limits: DeviceLimits): Scheduled {
  const b = new KernelBuilder()
  const { x } = b
  const counts = members.map(({ workgroups }) => workgroups.reduce((n, size) => n * size, 1))
  const workgroups = spreadGroups(
    counts.reduce((n, c) => n + c, 0),
    limits,
  )
  const group = b.share(groupNumber(b, workgroups), 'group')
  const arrays = shareArrays(b, members)
  const bufferOf = new Map<Value, number>()
  const values: Value[] = []
  let begin = 0
  for (const [m, { kernel, params, values: own, ...member }] of members.entries()) {
    const name = (s: string): string => `m${m}_${s}`
    const buffers = own.map((v, i) => {
      const known = bufferOf.get(v)
      if (known !== undefined) return known
      const buffer = b.buffer(kernel.buffers[i]!)
      bufferOf.set(v, buffer)
      values[buffer] = v
      return buffer
    })
    for (const [i, param] of kernel.params.entries()) b.param(name(param), params[i]!)
    const end = begin + counts[m]!
    const within = x.less(group, b.param(name('end'), end))
    const from = b.param(name('begin'), begin)
    b.when(m === 0 ? within : x.and(x.binary('>=', group, from), within), () => {
      const place = b.share(x.sub(group, from), 'place')
      const builtin = placeIn(b, name, place, member.workgroups, kernel.workgroupSize[0])
      const array = (own: string): string => arrays.get(`${m} ${own}`)!
      b.include(rewriteBody(kernel, b.depth, { x, name, array, buffer: (i) => buffers[i]!, builtin }))
    })
    begin = end
  }
  const { name, workgroupSize } = members[0]!.kernel
  const comments = members.flatMap(({ kernel }) => kernel.comments)
  return {
    kernel: b.finish(`${name}_x${members.length}`, workgroupSize, comments),
    params: b.paramValues,
    values,
    workgroups,
    flops: members.reduce((n, { flops }) => n + flops, 0),
    ...choiceOf(members),
    outputs: members.flatMap((member) => {
      const others = new Set(members.flatMap((other) => (other === member ? [] : other.values)))
      return member.outputs.map(({ value, over }) => ({
        value,
        buffer: bufferOf.get(value)!,
        // The others run at the same time.
        over: over.filter((v) => !others.has(v)),
      }))
    }),
  }
}

function choiceOf(members: readonly Scheduled[]): { readonly choice?: string } {
  const choices = new Set(members.flatMap(({ choice }) => choice ?? []))
  return choices.size > 0 ? { choice: [...choices].join('; ') } : {}
}

/** What a member takes for its own workgroup and thread. */
function placeIn(
  b: KernelBuilder,
  name: (s: string) => string,
  place: Expr,
  [width, height, depth]: readonly [number, number, number],
  threads: number,
): (builtin: Builtin) => Expr {
  const { x } = b
  const row = x.div(place, b.param(name('width'), width))
  return (builtin) => {
    switch (builtin) {
      case 'group_x':
        return height * depth === 1 ? place : x.rem(place, b.param(name('width'), width))
      case 'group_y':
        return depth === 1 ? row : x.rem(row, b.param(name('height'), height))
      case 'group_z':
        return x.div(row, b.param(name('height'), height))
      case 'global_x':
        return x.add(x.mul(place, x.constant(threads)), x.builtin('local_x'))
      case 'local_x':
      case 'local_y':
      case 'subgroup_lane':
        return x.builtin(builtin)
    }
  }
}

/** Names of the members' shared arrays: a workgroup is of one member alone, so that arrays of one dtype are one. */
function shareArrays(b: KernelBuilder, members: readonly Scheduled[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const arrays = new Map<string, SharedArray>()
  for (const [m, { kernel }] of members.entries()) {
    const places = new Map<string, number>()
    for (const own of kernel.shared) {
      const kind = `${own.ofThread ? 'own' : 'shared'}_${own.dtype}`
      const place = places.get(kind) ?? 0
      places.set(kind, place + 1)
      const name = `${kind}_${place}`
      names.set(`${m} ${own.name}`, name)
      arrays.set(name, { ...own, name, length: Math.max(own.length, arrays.get(name)?.length ?? 0) })
    }
  }
  for (const { name, dtype, length, ofThread } of arrays.values()) {
    if (ofThread) b.ofThread(name, dtype, length)
    else b.shared(name, dtype, length)
  }
  return names
}
