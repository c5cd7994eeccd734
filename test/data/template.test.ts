import { describe, expect, it } from 'vitest'
import { instructionSegments, instructionText } from '../../src/data/template.ts'
import { ValueError } from '../../src/util/errors.ts'

const SYSTEM =
  'You are a helpful language and vision assistant. You are able to understand the visual content that the user provides, and assist the user with a variety of tasks using natural language.\n\n'

describe('the conversation template', () => {
  it('puts the system text before the first message, and one image under its heading', () => {
    expect(instructionText({ first: true, imagesBefore: 0, images: 1, question: 'What is this?' })).toBe(
      `${SYSTEM}### Image 1:\n<image>\n\n### Question:\nWhat is this?\n\n### Answer:\n`,
    )
  })

  it('numbers images through the whole conversation, one more line break after the last', () => {
    expect(instructionText({ first: false, imagesBefore: 2, images: 2, question: 'Which?' })).toBe(
      '### Image 3:\n<image>\n### Image 4:\n<image>\n\n### Question:\nWhich?\n\n### Answer:\n',
    )
  })

  it('does without images', () => {
    expect(instructionText({ first: false, imagesBefore: 3, images: 0, question: 'And?' })).toBe(
      '### Question:\nAnd?\n\n### Answer:\n',
    )
    expect(instructionText({ first: true, imagesBefore: 0, images: 0, question: 'Hi' })).toBe(
      `${SYSTEM}### Question:\nHi\n\n### Answer:\n`,
    )
  })

  it('keeps the user from writing an image', () => {
    const segments = instructionSegments({ first: false, imagesBefore: 0, images: 1, question: 'is <image> one?' })
    expect(segments.filter((s) => 'image' in s)).toEqual([{ image: 1 }])
  })

  it('refuses more than eight images', () => {
    expect(() => instructionText({ first: false, imagesBefore: 7, images: 2, question: '' })).toThrow(ValueError)
    expect(() => instructionText({ first: false, imagesBefore: 0, images: -1, question: '' })).toThrow(ValueError)
  })
})
