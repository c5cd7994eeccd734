/** Stands for the logit of a forbidden key: finite, so that differences of two of them are numbers. */
export const FORBIDDEN = -1e30
/** Below every logit, and above a forbidden one by so much that exp(FORBIDDEN - LEAST) is 0. */
export const LEAST = -1e29
