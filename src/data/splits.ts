import { ValueError } from '../util/errors.ts'
import { ARTISTS, type ArtistId } from './emoji-artists.ts'
import type { Concept } from './emoji-concepts.ts'
import { Random } from './random.ts'

/**
 * What a conversation may draw from.
 * `train`: known concepts by known hands. `newArtist`: known concepts by the hand held out, which is the fair test of
 * naming. `newConcepts`: concepts never seen, by known hands; `newBoth`: neither seen. Concepts never seen cannot be
 * named by anyone who was not told their names, so those two ask about kinds, counts and sameness only.
 */
export type SplitName = 'train' | 'newArtist' | 'newConcepts' | 'newBoth'

export interface Split {
  readonly name: SplitName
  readonly artists: readonly ArtistId[]
  readonly concepts: readonly Concept[]
  /** Whether questions may use the concepts' names. */
  readonly named: boolean
}

export interface SplitOptions {
  /** Chooses the concepts held out; default 1234. */
  readonly seed?: number
  /** The part of each kind's concepts that is held out; default 0.1. */
  readonly heldOut?: number
}

/**
 * The four splits. Of every kind the same part of concepts is held out (at least one), chosen by the seed; all of a
 * held-out artist's drawings are.
 * @throws ValueError when the part is not between 0 and 1 (exclusive).
 */
export function makeSplits(concepts: readonly Concept[], options: SplitOptions = {}): Record<SplitName, Split> {
  const { seed = 1234, heldOut = 0.1 } = options
  if (!(heldOut > 0 && heldOut < 1)) {
    throw new ValueError(`${heldOut} of the concepts held out`, { hint: 'a number between 0 and 1' })
  }
  const unseen = new Set<Concept>()
  for (const kind of new Set(concepts.map((c) => c.kind))) {
    const ofKind = concepts.filter((c) => c.kind === kind)
    const shuffled = new Random(seed).fork('held-out concepts').fork(kind).shuffled(ofKind)
    for (const concept of shuffled.slice(0, Math.max(1, Math.round(ofKind.length * heldOut)))) unseen.add(concept)
  }
  const known = concepts.filter((c) => !unseen.has(c))
  const strange = concepts.filter((c) => unseen.has(c))
  const by = (role: 'train' | 'heldOut'): ArtistId[] => ARTISTS.filter((a) => a.role === role).map((a) => a.id)
  return {
    train: { name: 'train', artists: by('train'), concepts: known, named: true },
    newArtist: { name: 'newArtist', artists: by('heldOut'), concepts: known, named: true },
    newConcepts: { name: 'newConcepts', artists: by('train'), concepts: strange, named: false },
    newBoth: { name: 'newBoth', artists: by('heldOut'), concepts: strange, named: false },
  }
}
