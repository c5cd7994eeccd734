import { createInterface } from 'node:readline/promises'
import type { ChatSession } from '../../chat/session.ts'
import type { ArtistId, Concept, EmojiSet } from '../../data/emoji.ts'
import { readImage } from '../../data/image.ts'
import { MAX_IMAGES } from '../../data/template.ts'
import { ValueError, WeftError } from '../../util/errors.ts'
import { nearest } from '../../util/suggest.ts'
import type { Io } from '../io.ts'
import type { DemoData } from './data.ts'
import { IMAGE_SIZE } from './settings.ts'

/** The artist whose drawings the model has never seen. */
const UNSEEN: ArtistId = 'twemoji'

interface Round {
  readonly images: readonly string[]
  readonly question: string
}

/** Two conversations of several rounds, images coming in as they go. */
const SCRIPT: readonly (readonly Round[])[] = [
  [
    { images: ['fox', 'pizza'], question: 'which image shows an animal?' },
    { images: [], question: 'what kind of thing is image 2?' },
    { images: ['bus'], question: 'does image 3 show a vehicle?' },
    { images: [], question: 'how many images show food?' },
  ],
  [
    { images: ['tulip'], question: 'what kind of thing is image 1?' },
    { images: ['banana', 'cherries'], question: 'are image 2 and image 3 the same kind of thing?' },
    { images: [], question: 'what is image 2?' },
  ],
]

/** Holds the scripted conversations, on drawings by an artist the model has not seen. */
export async function scriptedConversations(session: ChatSession, { emoji }: DemoData, io: Io): Promise<void> {
  for (const rounds of SCRIPT) {
    session.clear()
    for (const { images, question } of rounds) {
      const concepts = images.map((name) => findConcept(emoji, name))
      for (const [i, concept] of concepts.entries()) {
        io.out.write(`  [image ${session.images + i + 1}: ${concept.label}, ${UNSEEN}'s drawing]\n`)
      }
      const { text } = await session.ask({ question, images: concepts.map((c) => emoji.pixels(UNSEEN, c)) })
      io.out.write(`  > ${question}\n  ${text === '' ? '(no answer)' : text}\n`)
    }
    io.out.write('\n')
  }
}

/** @throws ValueError with the nearest name for one that is not among the drawings. */
function findConcept(emoji: EmojiSet, name: string): Concept {
  const wanted = name.trim().toLowerCase()
  const found = emoji.concepts.find((c) => c.label === wanted && emoji.has(UNSEEN, c))
  if (found) return found
  const labels = emoji.concepts.filter((c) => emoji.has(UNSEEN, c)).map((c) => c.label)
  const near = nearest(wanted, labels)
  throw new ValueError(`no emoji is called "${name}"`, {
    hint: near ? `did you mean "${near}"?` : 'or give a path to an image',
  })
}

const HELP = `Ask about images. First name them: emoji (fox, pizza), or paths of image files, separated by commas;
nothing to go on with those shown so far. Then ask, as in: what kind of thing is image 1? does image 2 show food?
which image shows an animal? how many images show a plant? "clear" starts anew, "quit" ends.
`

/** A prompt on the terminal until `quit`; whatever goes wrong is said and asked again. */
export async function interactiveChat(session: ChatSession, data: DemoData, io: Io): Promise<void> {
  session.clear()
  io.out.write(HELP)
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  const closed = new Promise<null>((done) => lines.once('close', () => done(null)))
  const ask = (prompt: string): Promise<string | null> => Promise.race([lines.question(prompt), closed])
  for (;;) {
    const names = await ask(`images [${session.images} shown]: `)
    if (names === null || names.trim() === 'quit') break
    if (names.trim() === 'clear') {
      session.clear()
      continue
    }
    try {
      const list = names
        .split(',')
        .map((n) => n.trim())
        .filter((n) => n !== '')
      if (session.images + list.length > MAX_IMAGES) {
        throw new ValueError(`${session.images + list.length} images`, {
          hint: `a conversation holds ${MAX_IMAGES}; "clear" starts anew`,
        })
      }
      const images = await Promise.all(list.map((name) => loadImage(data.emoji, name)))
      if (session.images + images.length === 0) throw new ValueError('no image yet', { hint: 'name one, such as: fox' })
      const question = await ask('question: ')
      if (question === null || question.trim() === 'quit') break
      if (question.trim() === '') continue
      const { text, reason } = await session.ask({ question: question.trim(), images, onToken: (t) => io.out.write(t) })
      io.out.write(text === '' ? '(no answer)\n' : '\n')
      if (reason === 'context-full') io.out.write('(the context is full: "clear" starts anew)\n')
    } catch (cause) {
      if (!(cause instanceof WeftError)) throw cause
      io.err.write(`${cause.message}\n`)
    }
  }
  lines.close()
}

const isPath = (name: string): boolean => /[/\\]|\.(png|jpe?g|webp|gif|svg)$/i.test(name)

async function loadImage(emoji: EmojiSet, name: string): Promise<Float32Array> {
  if (!isPath(name)) return emoji.pixels(UNSEEN, findConcept(emoji, name))
  return (await readImage(name, { size: IMAGE_SIZE })).data
}
