/** One set of drawings and the terms it may be used under. */
export interface Artist {
  readonly id: ArtistId
  /** Who drew it, for the credits. */
  readonly name: string
  /** The npm package that holds the drawings as SVG. */
  readonly package: string
  /** SPDX identifier of the licence of the drawings. */
  readonly licence: string
  readonly source: string
  /** `train`: seen in training; `heldOut`: never seen, so that evaluation meets a new hand. */
  readonly role: 'train' | 'heldOut'
}

export type ArtistId = 'noto' | 'fluent-emoji-flat' | 'openmoji' | 'emojione' | 'twemoji'

/**
 * The artists in a fixed order. Twemoji is held out whole: among these it is the one nearest to the others, so a
 * failure on it is a failure of the model and not of the test.
 */
export const ARTISTS: readonly Artist[] = [
  {
    id: 'noto',
    name: 'Noto Emoji (Google)',
    package: '@iconify-json/noto',
    licence: 'Apache-2.0',
    source: 'https://github.com/googlefonts/noto-emoji',
    role: 'train',
  },
  {
    id: 'fluent-emoji-flat',
    name: 'Fluent Emoji Flat (Microsoft)',
    package: '@iconify-json/fluent-emoji-flat',
    licence: 'MIT',
    source: 'https://github.com/microsoft/fluentui-emoji',
    role: 'train',
  },
  {
    id: 'openmoji',
    name: 'OpenMoji (HfG Schwäbisch Gmünd)',
    package: '@iconify-json/openmoji',
    licence: 'CC-BY-SA-4.0',
    source: 'https://github.com/hfg-gmuend/openmoji',
    role: 'train',
  },
  {
    id: 'emojione',
    name: 'Emoji One 2.3 (EmojiTwo)',
    package: '@iconify-json/emojione',
    licence: 'CC-BY-4.0',
    source: 'https://github.com/EmojiTwo/emojitwo',
    role: 'train',
  },
  {
    id: 'twemoji',
    name: 'Twemoji (Twitter)',
    package: '@iconify-json/twemoji',
    licence: 'CC-BY-4.0',
    source: 'https://github.com/twitter/twemoji',
    role: 'heldOut',
  },
]

/** Labels and tags. */
export const LABELS_PACKAGE = { package: 'emojibase-data', licence: 'MIT', source: 'https://emojibase.dev' } as const

/**
 * What a README should say about the drawings. They are development packages: weft installs them to train and test,
 * and ships neither them nor pictures made from them. That matters most for OpenMoji, whose licence (share alike)
 * would extend to a published adaptation.
 */
export function creditsTable(): string {
  const rows = ARTISTS.map((a) => `| ${a.name} | ${a.package} | ${a.licence} | ${a.source} | ${a.role} |`)
  return [
    '| drawings | npm package (development only, not shipped) | licence | source | used for |',
    '|---|---|---|---|---|',
    ...rows,
    `| labels and tags | ${LABELS_PACKAGE.package} | ${LABELS_PACKAGE.licence} | ${LABELS_PACKAGE.source} | all |`,
  ].join('\n')
}
