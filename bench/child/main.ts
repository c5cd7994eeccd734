import { type Implementation, type Prepared, Unsupported } from '../implementation.ts'
import { inputsOf } from '../inputs.ts'
import type { Reply, ReplyValue, Request } from './messages.ts'
import { openImplementation } from './open.ts'

/** A process with one implementation in it, told by its parent what to do and timing it here. */
let implementation: Implementation | null = null
let prepared: Prepared | null = null

async function answer(request: Request): Promise<ReplyValue> {
  switch (request.ask) {
    case 'open':
      implementation = await openImplementation(request.kind, request.options)
      return implementation.version
    case 'prepare': {
      const { problem } = request.what
      const inputs = inputsOf(problem)
      const begun = performance.now()
      prepared = await implementation!.prepare(problem, inputs)
      await prepared.run()
      return performance.now() - begun
    }
    case 'run': {
      const begun = performance.now()
      await prepared!.run()
      return performance.now() - begun
    }
    case 'outputs':
      return prepared!.outputs()
    case 'facts':
      return (await prepared!.facts?.()) ?? null
    case 'dispose':
      prepared?.dispose()
      prepared = null
      return null
  }
}

process.on('message', async (request: Request) => {
  const reply: Reply = await answer(request).then(
    (value) => ({ ok: true, value }),
    (cause: unknown) => ({ ok: false, unsupported: cause instanceof Unsupported, message: messageOf(cause) }),
  )
  process.send!(reply)
})
process.on('disconnect', () => process.exit())

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
