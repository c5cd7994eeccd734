import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ENGINE_FLAGS } from '../../scripts/engine-flags.ts'
import type { Case } from '../cases.ts'
import type { Contender, PreparedCase } from '../contender.ts'
import { type ImplementationOptions, type Outputs, type ProgramFacts, Unsupported } from '../implementation.ts'
import { goOn, stop } from '../pausing.ts'
import type { ChildKind, Reply, ReplyValue, Request } from './messages.ts'

/** How much of what a child wrote on stderr is told when it dies. */
const LAST_WORDS = 500

/** Mesa and NVIDIA's driver keep compiled kernels on disk. */
const NO_DRIVER_CACHE = { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0' }

/** An implementation in a Node process of its own, so that no library's threads, memory or settings meet another's. */
export class ChildContender implements Contender {
  readonly script = true
  private child: ChildProcess | null = null
  private said = ''

  constructor(
    readonly name: ChildKind,
    private readonly options: ImplementationOptions,
    /** Does the driver forget what it compiled in earlier processes? */
    private readonly cold = false,
  ) {}

  get device(): string {
    return this.options.device
  }

  get threads(): number {
    return this.options.threads
  }

  async open(): Promise<string> {
    const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), {
      execArgv: [...ENGINE_FLAGS, '--import', 'tsx'], // the same engine for all
      serialization: 'advanced', // copies arrays as they are
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...(this.cold ? NO_DRIVER_CACHE : {}) },
    })
    child.stderr?.on('data', (text: Buffer) => {
      this.said = (this.said + text).slice(-LAST_WORDS)
    })
    this.child = child
    process.once('exit', this.kill) // a process that is stopped does not notice an interrupt
    return (await this.ask({ ask: 'open', kind: this.name, options: this.options })) as string
  }

  async prepare(what: Case): Promise<PreparedCase> {
    const firstCall = (await this.ask({ ask: 'prepare', what })) as number
    return {
      firstCall,
      run: async () => (await this.ask({ ask: 'run' })) as number,
      outputs: async () => (await this.ask({ ask: 'outputs' })) as Outputs,
      facts: async () => (await this.ask({ ask: 'facts' })) as ProgramFacts | null,
      dispose: async () => {
        await this.ask({ ask: 'dispose' })
      },
    }
  }

  pause(): void {
    stop(this.child)
  }

  resume(): void {
    goOn(this.child)
  }

  async close(): Promise<void> {
    const { child } = this
    this.child = null
    process.off('exit', this.kill)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL') // it holds nothing that matters, and some libraries do not let their process end
    await gone
  }

  private readonly kill = (): void => {
    this.child?.kill('SIGKILL')
  }

  private ask(request: Request): Promise<ReplyValue> {
    const { child } = this
    if (!child?.connected) return Promise.reject(new Error(this.died()))
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        child.off('message', answered)
        child.off('exit', exited)
        then()
      }
      const answered = (message: unknown): void => {
        const reply = message as Reply // a child sends nothing else
        settle(() => (reply.ok ? resolve(reply.value) : reject(errorOf(reply.message, reply.unsupported))))
      }
      const exited = (): void => settle(() => reject(new Error(this.died())))
      child.on('message', answered)
      child.on('exit', exited)
      child.send(request)
    })
  }

  private died(): string {
    return `its process ended: ${this.said.trim() || 'it said nothing'}`
  }
}

const errorOf = (message: string, unsupported: boolean): Error =>
  unsupported ? new Unsupported(message) : new Error(message)
