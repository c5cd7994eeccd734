/** A kind of thing, as questions and answers call it. */
export interface Kind {
  /** The answer to "what kind of thing is image 1?". */
  readonly noun: string
  /** Completes "does image 1 show ...?" and "which image shows ...?". */
  readonly one: string
  /** Completes "how many images show ...?". */
  readonly many: string
}

/**
 * Fourteen kinds that do not overlap, so that "which image shows an animal?" has one right answer. Emoji groups are
 * too coarse for that (a cactus is in "animals and nature") and subgroups too fine.
 */
export const KINDS = [
  { noun: 'animal', one: 'an animal', many: 'animals' },
  { noun: 'plant', one: 'a plant', many: 'plants' },
  { noun: 'food', one: 'food', many: 'food' },
  { noun: 'drink', one: 'a drink', many: 'drinks' },
  { noun: 'vehicle', one: 'a vehicle', many: 'vehicles' },
  { noun: 'place', one: 'a place', many: 'places' },
  { noun: 'sky', one: 'the sky', many: 'the sky' },
  { noun: 'game', one: 'a game or sport', many: 'games or sports' },
  { noun: 'celebration', one: 'a celebration', many: 'celebrations' },
  { noun: 'clothing', one: 'clothing', many: 'clothing' },
  { noun: 'music', one: 'music', many: 'music' },
  { noun: 'tool', one: 'a tool or device', many: 'tools or devices' },
  { noun: 'stationery', one: 'stationery', many: 'stationery' },
  { noun: 'household', one: 'a household item', many: 'household items' },
] as const satisfies readonly Kind[]

export type KindNoun = (typeof KINDS)[number]['noun']

/** The kind of each emoji subgroup of the five groups used; subgroups that are not listed are left out. */
export const KIND_OF_SUBGROUP: Readonly<Record<string, KindNoun>> = {
  'animal-mammal': 'animal',
  'animal-bird': 'animal',
  'animal-amphibian': 'animal',
  'animal-reptile': 'animal',
  'animal-marine': 'animal',
  'animal-bug': 'animal',
  'plant-flower': 'plant',
  'plant-other': 'plant',
  'food-fruit': 'food',
  'food-vegetable': 'food',
  'food-prepared': 'food',
  'food-asian': 'food',
  'food-sweet': 'food',
  drink: 'drink',
  dishware: 'household',
  'place-map': 'place',
  'place-geographic': 'place',
  'place-building': 'place',
  'place-religious': 'place',
  'place-other': 'place',
  'transport-ground': 'vehicle',
  'transport-water': 'vehicle',
  'transport-air': 'vehicle',
  hotel: 'household',
  time: 'tool',
  'sky-weather': 'sky',
  event: 'celebration',
  'award-medal': 'celebration',
  sport: 'game',
  game: 'game',
  'arts-crafts': 'household',
  clothing: 'clothing',
  sound: 'music',
  music: 'music',
  'musical-instrument': 'music',
  phone: 'tool',
  computer: 'tool',
  'light-video': 'tool',
  'book-paper': 'stationery',
  money: 'stationery',
  mail: 'stationery',
  writing: 'stationery',
  office: 'stationery',
  lock: 'tool',
  tool: 'tool',
  science: 'tool',
  medical: 'tool',
  household: 'household',
  'other-object': 'household',
}

/** Emoji whose subgroup would give the wrong kind, by CLDR label in lower case. */
export const KIND_OF_LABEL: Readonly<Record<string, KindNoun>> = {
  ...kinds('plant', 'christmas tree, tanabata tree, pine decoration'),
  ...kinds('food', 'mushroom'),
  ...kinds('place', 'moai, bus stop, motorway, railway track, station, water wave'),
  ...kinds('sky', 'fireworks'),
  ...kinds('game', 'skateboard, roller skate'),
  ...kinds('celebration', 'piñata, mirror ball'),
  ...kinds('clothing', 'running shirt, martial arts uniform, watch'),
  ...kinds('household', 'seat, wind chime, teddy bear, nesting dolls, candle, red paper lantern, diya lamp'),
  ...kinds('household', 'folding hand fan, lipstick, hair pick, scissors, wastebasket, couch and lamp, lotion bottle'),
  ...kinds('household', 'umbrella, closed umbrella, umbrella with rain drops, umbrella on ground'),
  ...kinds('stationery', 'world map, admission tickets, ticket, red envelope, placard, identification card'),
  ...kinds('tool', 'kitchen knife, compass, thermometer, magic wand, anchor, ring buoy, wheel, oil drum, fuel pump'),
  ...kinds('tool', 'horizontal traffic light, vertical traffic light, police car light, satellite, radio, abacus'),
  ...kinds('tool', 'sewing needle, artist palette, paintbrush, fire extinguisher, loudspeaker, megaphone, elevator'),
  ...kinds('tool', 'level slider, control knobs, film projector, postbox, plunger, mouse trap, razor, shopping cart'),
}

/**
 * Emoji left out, by CLDR label in lower case: those of no clear kind, signs rather than things, and all but one of
 * a family that differs by a detail 32 pixels do not show.
 */
export const LEFT_OUT: ReadonlySet<string> = new Set([
  ...list('pig nose, paw prints, feather, wing, spiral shell, coral, spider web, microbe, guide dog, service dog'),
  ...list('front-facing baby chick, rosette, empty nest, nest with eggs, brown mushroom, baby bottle, amphora'),
  ...list('globe showing europe-africa, globe showing asia-australia, globe with meridians, map of japan, hot springs'),
  ...list('building construction, brick, rock, wood, barber pole, stop sign, construction, parachute'),
  ...list('high voltage, snowman, snowman without snow, fire, droplet, waxing crescent moon, waxing gibbous moon'),
  ...list('waning gibbous moon, last quarter moon, waning crescent moon, last quarter moon face, hourglass done'),
  ...list('twelve o’clock, one o’clock, two o’clock, four o’clock, five o’clock, six o’clock, seven o’clock'),
  ...list('eight o’clock, nine o’clock, ten o’clock, eleven o’clock, twelve-thirty, one-thirty, two-thirty'),
  ...list('three-thirty, four-thirty, five-thirty, six-thirty, seven-thirty, eight-thirty, nine-thirty'),
  ...list('ten-thirty, eleven-thirty, sparkles, spade suit, heart suit, diamond suit, club suit, crystal ball'),
  ...list('performing arts, knot, purse, gem stone, prayer beads, speaker low volume, speaker medium volume'),
  ...list('muted speaker, bell with slash, magnifying glass tilted right, closed mailbox with lowered flag'),
  ...list('open mailbox with lowered flag, closed mailbox with raised flag, chart increasing with yen, bomb'),
  ...list(
    'ice, link, broken chain, drop of blood, bubbles, cigarette, coffin, headstone, funeral urn, nazar amulet, hamsa',
  ),
])

/** Shorter or plainer names than CLDR's, where a person would use one. */
export const SHORT_LABEL: Readonly<Record<string, string>> = {
  'globe showing americas': 'globe',
  'three o’clock': 'clock',
  'hourglass not done': 'hourglass',
  'first quarter moon': 'half moon',
  'speaker high volume': 'speaker',
  'magnifying glass tilted left': 'magnifying glass',
  'open mailbox with raised flag': 'mailbox',
  'military medal': 'medal',
  'fish cake with swirl': 'fish cake',
  honeybee: 'bee',
  'lady beetle': 'ladybug',
  'shallow pan of food': 'pan of food',
  'teacup without handle': 'teacup',
  'bottle with popping cork': 'popping bottle',
  'fork and knife with plate': 'plate',
  'beach with umbrella': 'beach',
  'statue of liberty': 'statue',
  'articulated lorry': 'lorry',
  automobile: 'car',
  'oncoming automobile': 'oncoming car',
  'sport utility vehicle': 'suv',
  'horizontal traffic light': 'traffic light',
  'flower playing cards': 'playing cards',
  'mahjong red dragon': 'mahjong tile',
  'rescue worker’s helmet': 'rescue helmet',
  'notebook with decorative cover': 'decorated notebook',
  'ballot box with ballot': 'ballot box',
  'umbrella with rain drops': 'umbrella in rain',
  'umbrella on ground': 'beach umbrella',
  'martial arts uniform': 'martial arts',
}

/**
 * Tags that name a sort of thing within one kind, with the phrase of their question. Emoji tags are loose ("moon" on a
 * moon cake, "flower" on playing cards), so a tag counts only together with its kind.
 */
export const TAG_PHRASES: readonly { readonly tag: string; readonly kind: KindNoun; readonly one: string }[] = [
  { tag: 'bird', kind: 'animal', one: 'a bird' },
  { tag: 'insect', kind: 'animal', one: 'an insect' },
  { tag: 'flower', kind: 'plant', one: 'a flower' },
  { tag: 'fruit', kind: 'food', one: 'a fruit' },
  { tag: 'vegetable', kind: 'food', one: 'a vegetable' },
  { tag: 'dessert', kind: 'food', one: 'a dessert' },
  { tag: 'railway', kind: 'vehicle', one: 'a train' },
  { tag: 'boat', kind: 'vehicle', one: 'a boat' },
  { tag: 'building', kind: 'place', one: 'a building' },
  { tag: 'moon', kind: 'sky', one: 'the moon' },
  { tag: 'cloud', kind: 'sky', one: 'a cloud' },
  { tag: 'ball', kind: 'game', one: 'a ball game' },
  { tag: 'shoe', kind: 'clothing', one: 'a shoe' },
  { tag: 'instrument', kind: 'music', one: 'an instrument' },
  { tag: 'money', kind: 'stationery', one: 'money' },
  { tag: 'mail', kind: 'stationery', one: 'mail' },
]

function list(text: string): string[] {
  return text.split(', ')
}

function kinds(kind: KindNoun, labels: string): Record<string, KindNoun> {
  return Object.fromEntries(list(labels).map((label) => [label, kind] as const))
}
