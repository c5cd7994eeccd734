import type { Command } from 'commander'
import { readSafetensors } from '../data/safetensors.ts'
import { type Backend, type Verification, verifyFixture } from '../models/verify.ts'
import { chooseDevice, type DeviceChoice } from '../runtime/choose.ts'
import { FileError, ValueError } from '../util/errors.ts'
import { compiledBackend } from './compiled-backend.ts'
import type { Io } from './io.ts'
import { deviceOption } from './options.ts'
import { errorText } from './report-error.ts'
import { comparisonTable } from './verify-table.ts'

const DETAILS = `
A fixture is a safetensors file. Its metadata says which model it is of ("kind": llama, clip-vision, qwen-vl-visual,
projection-baseline, projection-vit, projection-perceiver or visualchat; "config" as JSON; for decoders "attention":
causal, mmca-paper or mmca-release; for visualchat "vision" and "language" as JSON, and "vis_proj").
It holds the parameters (param.NAME), inputs, expected outputs, and expected gradients (grad.NAME).
The error shown is max |got - expected| / max |expected| over a tensor.
Exits with 0 when every output and gradient of every file is within tolerance, else with 1.`

/** Adds `weft verify` to the program. */
export function registerVerify(program: Command, io: Io): void {
  program
    .command('verify')
    .summary('compare models with the numbers of other implementations')
    .description('Builds the model of each fixture, runs it compiled, and compares outputs and gradients.')
    .argument('<file...>', 'fixtures')
    .addOption(deviceOption())
    .addHelpText('after', DETAILS)
    .action((files: readonly string[], options: { readonly device: DeviceChoice }) => verify(files, options.device, io))
}

/** @throws ValueError, once all files are done, if one did not agree or could not be checked. */
async function verify(files: readonly string[], choice: DeviceChoice, io: Io): Promise<void> {
  // First, so that a machine without a device says so once and not for every file.
  const device = await chooseDevice(choice)
  const backend = compiledBackend(device)
  const count = { agree: 0, differ: 0, unchecked: 0 }
  for (const file of files) {
    try {
      const { title, comparisons, pass } = await verifyFile(file, backend)
      io.out.write(`${file} (${title})\n${comparisonTable(comparisons)}\n\n`)
      count[pass ? 'agree' : 'differ']++
    } catch (cause) {
      // One bad file says nothing about the others.
      io.err.write(`${file}\n${errorText(cause)}\n\n`)
      count.unchecked++
    }
  }
  const rest = [
    count.differ > 0 ? `, ${count.differ} over tolerance` : '',
    count.unchecked > 0 ? `, ${count.unchecked} could not be checked` : '',
  ].join('')
  io.out.write(`${count.agree} of ${files.length} ${files.length === 1 ? 'file agrees' : 'files agree'}${rest}\n`)
  if (rest !== '') throw new ValueError(`verify: ${rest.slice(2)}`)
}

/** @throws FileError for a file that expects nothing: agreement with nothing is no agreement. */
async function verifyFile(file: string, backend: Backend): Promise<Verification & { readonly title: string }> {
  const fixture = await readSafetensors(file)
  const verification = await verifyFixture(fixture, backend)
  if (verification.comparisons.length === 0) {
    throw new FileError(`${file}: holds no expected output or gradient, so there is nothing to compare`)
  }
  const { attention } = fixture.metadata
  return { ...verification, title: attention ? `${verification.kind}, ${attention}` : verification.kind }
}
