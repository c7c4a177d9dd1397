import { describe, expect, test } from 'vitest'
import { textOf } from './support/imports.ts'

const README = textOf('README.md')
const LONGEST = 200

describe('the README', () => {
  test(`has at most ${LONGEST} lines`, () => {
    expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(LONGEST)
  })

  test('says how to start and how to test, each by itself', () => {
    const blocks = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text)
    expect(blocks).toEqual(['npm ci && npm start\n', 'npm test\n'])
  })
})
