import { build } from 'esbuild'
import { expect, test } from 'vitest'

/** Bundles for browsers, which fails where something of Node is imported. */
async function bundled(entry: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [new URL(`../${entry}`, import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    write: false,
    metafile: true,
  })
  return Object.keys(metafile.inputs)
}

test.each(['examples/page/main.ts', 'src/index.ts'])(
  '%s goes into a page, without packages or vocabularies',
  async (entry) => {
    const files = await bundled(entry)
    expect(files.filter((file) => /node_modules|src\/(data\/tokenizers|checkpoint|cli|plan)\//.test(file))).toEqual([])
  },
)
