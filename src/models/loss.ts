import type { HostArray } from '../ir/dtype.ts'
import { index } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { crossEntropy, IGNORE } from '../nn/losses.ts'
import { ValueError } from '../util/errors.ts'

/**
 * Shifted cross-entropy: the logits [B,T,V] at each position against the label [B,T] of the next, mean over all labels
 * that are not IGNORE (-100). Without any such label it is 0, with zero gradients; `checkLabels` says so on the host.
 * Computed in f32. Source: DeepSpeed-VisualChat (arXiv:2309.14327), section 4; Hugging Face's LlamaForCausalLM.
 */
export function nextTokenLoss(logits: Tensor, labels: Tensor): Tensor {
  const T = logits.shape[1]!
  return crossEntropy(index(logits, null, [0, T - 1]), index(labels, null, [1, T]))
}

/**
 * Throws ValueError if no position of labels [B,T] is learned from: the first label of a row has nothing before it to
 * be predicted from, and IGNORE is left out.
 */
export function checkLabels({ shape, data }: HostArray): void {
  const T = shape[1]!
  for (let i = 0; i < data.length; i++) if (i % T !== 0 && data[i] !== IGNORE) return
  throw new ValueError(`no label to learn from in a batch of [${shape.join(',')}]: all are ${IGNORE}`, {
    hint: 'were the answers cut off? Drop the batch, or raise the maximum length',
  })
}
