import type { Command } from 'commander'
import type { Tokenizer } from '../data/tokenizer.ts'
import { openTokenizer } from '../data/tokenizers/open-tokenizer.ts'
import { FileError, ValueError } from '../util/errors.ts'
import { type Io, readInput } from './io.ts'

interface TokenizeFlags {
  readonly tokenizer: string
  readonly bos: boolean
  readonly special: boolean
  readonly decode?: boolean
  readonly pieces?: boolean
}

const DETAILS = `
The input is taken to the byte: a newline at its end counts. BOS comes first where the tokenizer's configuration says
so, and --decode leaves it out again. What --decode prints has no newline added.

  printf 'Hello world' | weft tokenize --tokenizer llama-2
  weft tokenize --tokenizer tokenizer.json --no-bos --pieces README.md
  echo 15043 3186 | weft tokenize --tokenizer llama-2 --decode`

/** Adds `weft tokenize` to the program. */
export function registerTokenize(program: Command, io: Io): void {
  program
    .command('tokenize')
    .summary('turn text into token ids, or back')
    .description('Prints the token ids of a file, or of standard input: one line, separated by spaces.')
    .argument('[file]', 'text in UTF-8; standard input unless given')
    .requiredOption(
      '-z, --tokenizer <name>',
      'llama-2, llama-3, a tokenizer.json, tokenizer.model or llama2.c .bin, or a folder with one',
    )
    .option('--no-bos', 'no BOS, even where models of this tokenizer expect it')
    .option('--no-special', 'take names of special tokens in the text as text; with --decode, leave them out')
    .option('--decode', 'read ids, and print their text')
    .option('--pieces', 'print each id on a line of its own, a tab, and the token as the vocabulary spells it, in JSON')
    .addHelpText('after', DETAILS)
    .action((file: string | undefined, flags: TokenizeFlags) => tokenize(file, flags, io))
}

async function tokenize(file: string | undefined, flags: TokenizeFlags, io: Io): Promise<void> {
  const tokenizer = await openTokenizer(flags.tokenizer)
  const input = readText(await readInput(file, io), file ?? 'standard input')
  const bos = flags.bos && tokenizer.addsBos
  const ids = flags.decode ? parseIds(input) : tokenizer.encode(input, { bos, special: flags.special })
  if (flags.pieces) {
    for (const id of ids) io.out.write(`${id}\t${JSON.stringify(tokenizer.tokenName(id))}\n`)
  } else if (flags.decode) {
    io.out.write(textOf(tokenizer, bos && ids[0] === tokenizer.bosId ? ids.slice(1) : ids, flags.special))
  } else io.out.write(`${ids.join(' ')}\n`)
}

/** At once, so that nothing is printed where an id is wrong. */
const textOf = (tokenizer: Tokenizer, ids: readonly number[], special: boolean): string =>
  tokenizer.decode(ids, { special })

function readText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new FileError(`${name} is not text in UTF-8`, { hint: 'convert it first, for example by iconv' })
  }
}

/** Ids between white space, commas or brackets, so that lists of other programs can be pasted. */
const parseIds = (text: string): number[] =>
  text
    .split(/[\s,[\]]+/)
    .filter((word) => word !== '')
    .map((word) => {
      if (!/^\d{1,9}$/.test(word)) throw new ValueError(`tokenize --decode: ${JSON.stringify(word)} is no token id`)
      return Number(word)
    })
