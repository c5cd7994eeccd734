/**
 * Bundles examples/page and serves it: node scripts/page.mjs [port]
 * The two headers isolate the page from other origins; only then do browsers let its threads share memory. Without
 * them weft computes on one thread. Every reload bundles anew.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { build } from 'esbuild'

const FOLDER = new URL('../examples/page/', import.meta.url)
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cache-Control': 'no-store',
}

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [new URL('main.ts', FOLDER).pathname],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  })
  return outputFiles[0].text
}

const files = {
  '/': async () => ['text/html', await readFile(new URL('index.html', FOLDER))],
  '/main.js': async () => ['text/javascript', await bundle()],
}

const server = createServer(async ({ url }, response) => {
  const file = files[new URL(url, 'http://localhost').pathname]
  try {
    const [type, content] = file ? await file() : ['text/plain', 'not found']
    response.writeHead(file ? 200 : 404, { ...HEADERS, 'Content-Type': type }).end(content)
  } catch (error) {
    response.writeHead(500, HEADERS).end(String(error))
  }
})
server.on('error', (error) => {
  console.error(`page: ${error.message}`)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 8000), () => {
  console.log(`http://localhost:${server.address().port}/  (add ?device=wasm or ?device=webgpu to choose)`)
})
