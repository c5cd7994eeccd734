/** Bytes as a person reads them: `512 B`, `1.5 KiB`, `200 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`
}

/** What an arena is for, in messages. */
export const arenaText = (program: string, largest: string): string => `temporaries of ${program} (largest: ${largest})`

/** `f32[2,3]`, as tensors are written everywhere. */
export const tensorText = (dtype: string, shape: readonly number[]): string => `${dtype}[${shape.join(',')}]`
