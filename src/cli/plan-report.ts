import { GROUP } from '../models/storage.ts'
import { USUAL_LIMITS } from '../plan/buffers.ts'
import type { Paper } from '../plan/paper.ts'
import type { InferencePlan } from '../plan/plan.ts'
import type { PlanRequest } from '../plan/request.ts'
import type { TrainingPlan } from '../plan/training.ts'
import type { Verdict } from '../plan/verdict.ts'
import { bytesText, countText, flopsText, limitText, table } from './plan-text.ts'

/** What was asked for, by name. */
export interface Titles {
  readonly language: string
  readonly vision: string | null
}

/** What a model takes to run, the answer first. */
export function inferenceReport(titles: Titles, request: PlanRequest, plan: InferencePlan): string {
  return [
    `${headline(titles, request)}\n${answer(request, plan)}`,
    partsTable(plan),
    memoryTable(request, plan),
    workTable(request, plan),
    limitsTable(request, plan),
  ]
    .filter((section) => section !== '')
    .join('\n')
}

function headline(
  { language, vision }: Titles,
  { precision, seq, batch, images, projection, vision: encoder }: PlanRequest,
): string {
  const sizes = [
    ...(batch > 1 ? [`${batch} sequences`] : []),
    `${seq} positions`,
    ...(encoder ? [images === 1 ? '1 image' : `${images} images`] : []),
  ]
  const seen = vision === null ? '' : ` with ${vision} (projection ${projection})`
  return `${language}${seen} in ${precision}, ${sizes.join(', ')}\n`
}

function answer(request: PlanRequest, plan: InferencePlan): string {
  const { run, verdict } = plan
  const needs = `running it takes ${bytesText(run.total)}`
  const there = request.memory === null ? '' : bytesText(request.memory)
  const helps = verdict === null ? '' : room(request, verdict)
  if (!plan.binds) {
    const binding = `${needs}, and a kernel must bind ${worst(plan)} at once, more than ${limitText(request.bindingLimit)}`
    return `${wrap(`DOES NOT FIT: ${binding}.`)}${helps}`
  }
  if (verdict === null) return `Running it takes ${bytesText(run.total)}. Does it fit? --memory 8GB tells.\n`
  if (verdict.fits) return `FITS: ${needs} of ${there}; ${bytesText(verdict.spare)} to spare.\n${helps}`
  return `DOES NOT FIT: ${needs}, there are ${there}; ${bytesText(-verdict.spare)} too little.\n${helps}`
}

/** The most that must be bound at once and cannot be divided. */
function worst({ largeBuffers, largeWeights }: InferencePlan): string {
  const whole = [...largeBuffers, ...largeWeights.filter(({ pieces }) => pieces === null)]
  const { name, bytes } = whole.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  return `${name} of ${bytesText(bytes)}`
}

function room({ seq }: PlanRequest, { fits, longest, precision }: Verdict): string {
  const lines: string[] = []
  if (longest !== null && longest > seq) lines.push(`Up to --seq ${longest} would fit.`)
  if (!fits && longest !== null) lines.push(`It would fit with --seq ${longest}.`)
  if (!fits && precision !== null) lines.push(`It would fit with --precision ${precision}.`)
  if (!fits && longest === null && precision === null) {
    lines.push('No shorter sequence fits, nor fewer bits for the decoder.')
  }
  return lines.map((line) => `${line}\n`).join('')
}

function partsTable({ parts, unread }: InferencePlan): string {
  const rows = parts.map(({ part, parameters, bytes, kept }) => [
    part,
    countText(parameters),
    bytesText(bytes),
    ` ${kept.length > 1 ? `${kept[0]}, the rest ${kept.slice(1).join(' and ')}` : kept[0]}`,
  ])
  const integers = parts.some(({ kept }) => kept.some((precision) => precision.startsWith('int')))
    ? `  Integers are in groups of ${GROUP} with an f16 scale, matrices of a width that groups do not divide in f16.\n`
    : ''
  const total = [
    'in all',
    countText(parts.reduce((n, p) => n + p.parameters, 0)),
    bytesText(parts.reduce((n, p) => n + p.bytes, 0)),
  ]
  const names = unread.names.filter((name) => !name.endsWith('.bias')).map((name) => name.replace(/\.weight$/, ''))
  const left =
    unread.parameters === 0
      ? ''
      : `  Not counted, as nothing reads it: ${names.join(', ')} (${countText(unread.parameters)}, ${bytesText(unread.bytes)})\n`
  return table(['Weights', 'parameters', 'bytes'], [...rows, total]) + wrap(integers) + wrap(left)
}

function memoryTable({ seq, batch, precision }: PlanRequest, { run, papers }: InferencePlan): string {
  const kept = precision === 'f32' ? 'f32' : 'f16'
  const largest = papers.reduce((a, b) => (b.temporaryBytes > a.temporaryBytes ? b : a))
  const rows = [
    ['weights', bytesText(run.weights)],
    [`KV cache, ${batch * seq} positions`, bytesText(run.cache), ` ${kept}`],
    ...(run.features > 0 ? [['image features', bytesText(run.features), ` ${kept}`]] : []),
    ['temporaries and results', bytesText(run.working), ` planned by the compiler; most in: ${largest.name}`],
    ['in all', bytesText(run.total)],
  ]
  return table(['Memory to run', 'bytes'], rows)
}

function workTable({ batch }: PlanRequest, { papers, perToken, pass }: InferencePlan): string {
  const tokens = (paper: Paper): number =>
    paper.name.startsWith('prefill') ? batch * pass : paper.name.startsWith('decode') ? batch : 1
  const rows = papers.map((paper) => {
    const { products, attention } = paper.flops
    const n = tokens(paper)
    return [
      paper.name,
      String(paper.calls),
      String(paper.pipelines),
      bytesText(paper.temporaryBytes),
      flopsText(products / n),
      flopsText(attention / n),
      paper.name.startsWith('encode') ? '' : flopsText(2 * perToken),
    ]
  })
  return `${table(['Work', 'kernels', 'pipelines', 'temporaries', 'products', 'attention', '2 N'], rows)}${wrap(
    '  Operations are those of an image, and of one token of a prefill or a step, counted from the compiled graph. Of attention, kernels skip what is masked: about half of a prefill. N: weights of layers and output layer.\n',
  )}`
}

function limitsTable(request: PlanRequest, { largeWeights, largeBuffers, pass, binds }: InferencePlan): string {
  const limit = limitText(request.bindingLimit)
  if (largeWeights.length + largeBuffers.length === 0) {
    return `Every tensor fits a binding of ${limit}.\n${passesNote(request, pass)}`
  }
  const usual = USUAL_LIMITS.filter((l) => l > request.bindingLimit)
  const weights = largeWeights.map(({ name, shape, count, bytes, pieces }) => [
    `${count > 1 ? `${count} x ` : ''}${name} [${shape}]`,
    bytesText(bytes),
    ...(pieces
      ? [pieces.atLimit, ...usual.map((l) => pieces.usual[USUAL_LIMITS.indexOf(l)]!)].map(String)
      : ['cannot be split']),
  ])
  const buffers = largeBuffers.map(({ program, name, bytes }) => [`${program}: ${name}`, bytesText(bytes), 'too large'])
  const head = [
    `Pieces of what a kernel cannot bind whole`,
    'bytes',
    `at ${limit}`,
    ...usual.map((l) => `at ${limitText(l)}`),
  ]
  const advice =
    weights.length > 0 ? '  splitParams splits matrices by rows; the programs above were compiled so.\n' : ''
  return table(head, [...weights, ...buffers]) + advice + (binds ? passesNote(request, pass) : '')
}

function passesNote({ seq, bindingLimit }: PlanRequest, pass: number): string {
  if (pass >= seq) return ''
  return wrap(
    `  A prompt is taken in passes of up to ${pass} positions: more at a time need more than ${limitText(bindingLimit)} in one buffer.\n`,
  )
}

/** What training takes, one line for each kind. */
export function trainingReport(request: PlanRequest, plans: readonly TrainingPlan[]): string {
  const { precision, memory, rank, batch, seq } = request
  const rows = plans.map((plan) => [
    plan.checkpointed ? '  layers checkpointed' : plan.trained === 'LoRA' ? loraName(plans, rank) : plan.trained,
    countText(plan.trainedParameters),
    bytesText(plan.frozen),
    bytesText(plan.weights),
    bytesText(plan.optimiser),
    bytesText(plan.working),
    bytesText(plan.total),
    ...(memory === null ? [] : [plan.total > memory ? 'too large' : binds(plan.paper, request) ? 'fits' : 'not bound']),
  ])
  const how =
    precision === 'f32'
      ? 'all in f32'
      : 'computed in f16 with loss scaling; trained weights, their gradients and the two moments of AdamW are f32'
  const notes = [
    `  ${how}. Frozen weights are kept as for running; temporaries are activations and gradients.`,
    ...plans.slice(0, 1).flatMap(({ paper }) => bindingNote(paper, request)),
  ]
  return (
    table(
      [`Memory to train on ${batch * seq} tokens`, 'trained', 'frozen', 'trained', 'AdamW', 'temporaries', 'in all'],
      rows,
    ) + notes.map((note) => wrap(`${note}\n`)).join('')
  )
}

const loraName = (plans: readonly TrainingPlan[], rank: number): string =>
  `${plans.some(({ trained }) => trained !== 'LoRA' && trained !== 'everything') ? 'these and ' : ''}LoRA of rank ${rank}`

const largestOf = ({ temporaries }: Paper): { readonly name: string; readonly bytes: number } =>
  temporaries.reduce((a, b) => (b.bytes > a.bytes ? b : a), { name: '', bytes: 0 })

const binds = (paper: Paper, { bindingLimit }: PlanRequest): boolean => largestOf(paper).bytes <= bindingLimit

/** What is largest are mostly the logits. */
function bindingNote(paper: Paper, request: PlanRequest): string[] {
  const { language, bindingLimit, seq } = request
  if (binds(paper, request)) return []
  const { name, bytes } = largestOf(paper)
  const isLogits = name.endsWith(`,${language.vocab_size}]`)
  return [
    `  ${isLogits ? 'The logits take' : `${name} takes`} ${bytesText(bytes)}, above the ${limitText(bindingLimit)} that can be bound: there, train on ` +
      `shorter sequences (up to ${Math.floor((seq * bindingLimit) / bytes)} positions)${isLogits ? ', or take the loss over blocks of positions' : ''}.`,
  ]
}

/** Lines of 100 columns, further ones indented as the first. */
function wrap(text: string): string {
  const indent = /^ */.exec(text)![0]
  const lines: string[] = []
  let line = ''
  for (const word of text.trim().split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > 100) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  if (line !== '') lines.push(indent + line)
  return lines.map((l) => `${l}\n`).join('')
}
