import { type Command, Option } from 'commander'
import { STORAGES } from '../../models/storage.ts'
import type { Io } from '../io.ts'
import { decimal, deviceOption, oneOf, wholeNumber } from '../options.ts'
import { DEFAULT_STEPS, type GenerateFlags } from './flags.ts'
import { generate } from './generate.ts'

const DETAILS = `
The model is a folder of Hugging Face, or a file of GGUF or llama2.c (or safetensors, PyTorch, with a config.json
beside it). The tokenizer is the one that lies in the folder or in the GGUF file, unless another is named.

Only the text goes to stdout, as it comes; the speed goes to stderr. A text ends before --steps where the model ends it
(EOS) or begins a new one (BOS), or before a --stop. With several prompts the texts are written together, and come as
one line of JSON each, in the order of the prompts: {"prompt", "text", "tokens", "reason"}.
At a temperature above 0 equal seeds give equal texts on one kind of device; others round differently, and may at last draw
another token. The second of several prompts has the seed after the first's.

  weft generate --model stories260K.bin --tokenizer tok512.bin --steps 200
  weft generate --model Llama-2-7b-hf --weights int4 --prompt "A cat" --temperature 0.8 --top-p 0.9
  weft generate --model llama-3-8b.Q4_K_M.gguf --weights stored --prompt "Q: 2+2? A:" --stop $'\n'`

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** Adds `weft generate` to the program. */
export function registerGenerate(program: Command, io: Io): void {
  program
    .command('generate')
    .summary('write text with a LLaMA')
    .description('Continues prompts with a LLaMA model.')
    .requiredOption('-m, --model <path>', 'folder of Hugging Face, *.gguf, or *.bin of llama2.c')
    .option(
      '-z, --tokenizer <name>',
      'llama-2, llama-3, a file or a folder; the one that the model carries unless given',
    )
    .option('-p, --prompt <text>', 'how the text begins; give it again for several texts', several)
    .option(
      '-n, --steps <n>',
      `positions in all, those of the prompt included (default: ${DEFAULT_STEPS}, or all that the model has)`,
      wholeNumber('--steps', 1),
    )
    .option('-t, --temperature <x>', '0 takes the likeliest token always', decimal('--temperature', 0), 0)
    .option('--top-k <k>', 'above 0: choose among the k likeliest tokens', wholeNumber('--top-k', 1))
    .option('--top-p <p>', 'above 0: choose among the likeliest that reach this probability', decimal('--top-p', 0, 1))
    .option(
      '--repetition-penalty <x>',
      'above 1: tokens that the text holds already become less likely',
      decimal('--repetition-penalty', 0.01),
      1,
    )
    .option('--stop <text>', 'end the text before this; give it again for several', several)
    .option('-s, --seed <n>', 'of the random choices', wholeNumber('--seed', 0), 0)
    .addOption(
      new Option(
        '-w, --weights <kind>',
        'f32; f16, computed in f16; int8, int4: integers with a scale for 32; stored: integers where the file has them',
      )
        .default('f32')
        .argParser(oneOf('--weights', STORAGES)),
    )
    .addOption(
      new Option(
        '--compute <type>',
        'f32 or f16, the KV cache too; f16 where --weights is f16, else f32, unless given',
      ).argParser(oneOf('--compute', ['f32', 'f16'])),
    )
    .addOption(deviceOption())
    .addHelpText('after', DETAILS)
    .action((flags: GenerateFlags) => generate(flags, io))
}
