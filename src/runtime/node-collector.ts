import { type Collector, NO_COLLECTOR } from './collector.ts'

/**
 * Node's collector, without `--expose-gc` on the command line. V8 sees a tensor on a device as a few dozen bytes and
 * would let gigabytes of them pile up before it looks.
 */
export async function nodeCollector(): Promise<Collector> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([import('node:v8'), import('node:vm')])
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  return typeof collect === 'function' ? () => void collect() : NO_COLLECTOR
}
