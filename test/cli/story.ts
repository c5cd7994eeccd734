/**
 * The TinyStories LLaMA of llama2.c, which the project does not ship, is looked for beside the project. Its text is what
 * llama2.c itself writes in 200 steps at temperature 0.
 */
const FOLDER = new URL('../../../shared/weights/', import.meta.url).pathname
export const STORY_MODEL = `${FOLDER}stories260K.bin`
export const STORY_TOKENIZER = `${FOLDER}tok512.bin`

export const STORY = [
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, ',
  'red ball. She wanted to play with it, but it was too high.\n',
  'Lily\'s mom said, "Lily, let\'s go to the park." Lily was sad and didn\'t know what to do. She said, "I want to play ',
  'with your ball, but I can\'t find it."\n',
  "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n",
  "Lily didn't want to help her mom, so she",
].join('')
