import { PassThrough } from 'node:stream'
import { main } from '../../src/cli/main.ts'

/** Runs a command line in this process: its exit code and what it wrote. */
export async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const code = await main(args, { out, err })
  return { code, out: String(out.read() ?? ''), err: String(err.read() ?? '') }
}
