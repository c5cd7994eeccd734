/** Scalar functions that JavaScript's Math lacks, to double precision. */

/** Rounds to the nearest integer, ties to even, as IEEE and WGSL do. */
export function roundHalfEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0)
  // What rounds up to zero was negative, and IEEE keeps its sign.
  return !up ? low : low === -1 ? -0 : low + 1
}

/** The error function: Taylor series for |x| < 3, the continued fraction of erfc beyond. */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) return x
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 3) {
    let term = x
    let sum = x
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)))
}
