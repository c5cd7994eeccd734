import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Case } from './cases.ts'
import type { Contender, PreparedCase } from './contender.ts'
import { type Outputs, Unsupported } from './implementation.ts'
import { inputsOf } from './inputs.ts'
import { goOn, stop } from './pausing.ts'
import { CHECKED_STEPS, EPSILON, LEARNING_RATE, ROPE_THETA, WEIGHT_DECAY } from './problem.ts'

/** Pythons that are asked for torch, in this order: the one in use, then the system's. */
const PYTHONS = ['python3', '/usr/bin/python3']

const CONSTANTS = {
  epsilon: EPSILON,
  ropeTheta: ROPE_THETA,
  learningRate: LEARNING_RATE,
  weightDecay: WEIGHT_DECAY,
  checkedSteps: CHECKED_STEPS,
}

type Peer = ChildProcessByStdio<Writable, Readable, null>

/** PyTorch in a Python process of its own. Requests and replies are lines of JSON; arrays go through files. */
export class TorchContender implements Contender {
  readonly name = 'PyTorch'
  readonly device = 'cpu'
  readonly script = false
  private folder = ''
  private peer: Peer | null = null
  private settle: ((line: string | null) => void) | null = null

  constructor(
    readonly threads: number,
    private readonly python = pythonWithTorch,
  ) {}

  async open(): Promise<string> {
    const python = this.python()
    if (!python) throw new Error(`no torch in ${PYTHONS.join(' or ')}`)
    this.folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
    const peer = spawn(python, [fileURLToPath(new URL('torch_peer.py', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...this.threadLimits() },
    })
    this.peer = peer
    process.once('exit', this.atExit)
    createInterface({ input: peer.stdout }).on('line', (line) => this.settle?.(line))
    peer.on('exit', () => this.settle?.(null))
    peer.stdin.on('error', () => {}) // it ended, which `exit` tells
    return (await this.ask({ ask: 'open', threads: this.threads })) as string
  }

  async prepare({ problem }: Case): Promise<PreparedCase> {
    const inputs = Object.entries(inputsOf(problem)).map(([name, { shape, data }], i) => {
      const file = join(this.folder, `input-${i}`)
      writeFileSync(file, data)
      return [name, { file, shape, dtype: data instanceof Int32Array ? 'i32' : 'f32' }] as const
    })
    const request = { ask: 'prepare', problem, constants: CONSTANTS, inputs: Object.fromEntries(inputs) }
    const firstCall = (await this.ask(request)) as number
    return {
      firstCall,
      run: async () => (await this.ask({ ask: 'run' })) as number,
      outputs: async () => this.outputs(),
      facts: async () => null,
      dispose: async () => {
        await this.ask({ ask: 'dispose' })
      },
    }
  }

  pause(): void {
    stop(this.peer)
  }

  resume(): void {
    goOn(this.peer)
  }

  async close(): Promise<void> {
    const { peer } = this
    this.peer = null
    if (peer && peer.exitCode === null) {
      const gone = new Promise((done) => peer.once('exit', done))
      peer.kill('SIGKILL')
      await gone
    }
    process.off('exit', this.atExit)
    this.removeFolder()
  }

  /** After an interrupt as well, which a process that is stopped does not notice. */
  private readonly atExit = (): void => {
    this.peer?.kill('SIGKILL')
    this.removeFolder()
  }

  private removeFolder(): void {
    if (this.folder !== '') rmSync(this.folder, { recursive: true, force: true })
    this.folder = ''
  }

  /** What it multiplies with may keep threads of its own, which PyTorch's setting does not reach. */
  private threadLimits(): Readonly<Record<string, string>> {
    const threads = String(this.threads)
    return { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, MKL_NUM_THREADS: threads }
  }

  private async outputs(): Promise<Outputs> {
    const files = (await this.ask({ ask: 'outputs', folder: this.folder })) as Record<string, string>
    return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, floatsIn(file)]))
  }

  private async ask(request: object): Promise<unknown> {
    const { peer } = this
    if (!peer || peer.exitCode !== null) throw new Error('its process ended')
    const line = await new Promise<string | null>((settle) => {
      this.settle = settle
      peer.stdin.write(`${JSON.stringify(request)}\n`)
    })
    if (line === null) throw new Error('its process ended')
    const reply = JSON.parse(line) as { ok: boolean; value: unknown; unsupported: boolean; message: string } // our own script's words
    if (!reply.ok) throw reply.unsupported ? new Unsupported(reply.message) : new Error(reply.message)
    return reply.value
  }
}

function floatsIn(file: string): Float32Array {
  const bytes = readFileSync(file)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

const pythonWithTorch = (): string | undefined =>
  PYTHONS.find((python) => spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0)
