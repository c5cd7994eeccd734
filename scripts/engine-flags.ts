/**
 * What Node must be started with for all of WebAssembly that weft uses: 20 has the fused multiply-add (relaxed SIMD)
 * behind a flag, later versions have it anyway and may not know the flag.
 */
export const ENGINE_FLAGS: readonly string[] = process.versions.node.startsWith('20.')
  ? ['--experimental-wasm-relaxed-simd']
  : []
