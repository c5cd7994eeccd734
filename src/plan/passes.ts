import { largeBuffers } from './buffers.ts'
import { weightsToRun } from './inference.ts'
import { compileOnPaper, type Paper } from './paper.ts'
import { modelOf, type PlanRequest, sizesOf } from './request.ts'

/** Layers of the decoder that is compiled in place of the whole: temporaries do not outlive a layer. */
export const SHALLOW = 2

/** Passes of such lengths fill the tiles of products. */
const WHOLE = 64

/** A pass over a prompt, and its program for a decoder of two layers. */
export interface Pass {
  readonly positions: number
  readonly paper: Paper
}

/**
 * The pass of most positions of which kernels bind all that it needs: the whole prompt where that is possible, else a
 * multiple of 64, or fewer; one position where not even that can be bound.
 */
export function longestPass(request: PlanRequest): Pass {
  const model = modelOf(request, SHALLOW)
  const weights = weightsToRun(model, request)
  let positions = request.seq
  for (;;) {
    const paper = compileOnPaper(model.prefill(weights, sizesOf(request), positions))
    const [largest] = largeBuffers(paper, request)
    if (!largest || positions === 1) return { positions, paper }
    // What is too large has mostly so much for each position.
    const fewer = Math.min(positions - 1, Math.floor((positions * request.bindingLimit) / largest.bytes))
    positions = Math.max(1, fewer > WHOLE ? fewer - (fewer % WHOLE) : fewer)
  }
}
