/** Runs a garbage collection, so that device memory of tensors nobody holds any more comes back. */
export type Collector = () => void

/** A page cannot ask for one. */
export const NO_COLLECTOR: Collector = () => {}
