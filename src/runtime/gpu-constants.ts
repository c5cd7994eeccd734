/** WebGPU's flag values, from the specification: Node has no globals that hold them. */
export const BUFFER_USAGE = {
  mapRead: 0x0001,
  copySrc: 0x0004,
  copyDst: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryResolve: 0x0200,
} as const

export const MAP_READ = 0x0001
export const STAGE_COMPUTE = 0x4
