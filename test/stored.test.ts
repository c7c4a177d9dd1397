import { describe, expect, test } from 'vitest'
import { type Stored, upserted } from '../src/documents/stored.ts'

const AT = new Date(1_767_225_600_123)
const stored: Stored = { seq: 7, document: { _id: 'a', title: 'one', at: AT, groups: ['free', 'new'], viewers: 3 } }
const written = (seq: number, set: Record<string, unknown>) => upserted(stored, 'a', [{ id: 'a', seq, set }])

describe('what is stored of a document', () => {
  // A table writes nothing for the very same, so that an owner after a crash is done sooner with its last cuts.
  test.each([
    [{ title: 'one' }],
    [{ at: new Date(AT), groups: ['free', 'new'] }],
    [{ viewers: 3, gone: undefined }],
  ])('is the very same when the same cut writes %j again', set => {
    expect(written(7, set)).toBe(stored)
  })

  test.each([
    [{ title: 'two' }],
    [{ at: new Date(0) }],
    [{ groups: ['new', 'free'] }],
    [{ viewers: '3' }],
    [{ other: null }],
  ])('takes what the same cut says anew: %j', set => {
    expect(written(7, set)).toEqual({ seq: 7, document: { ...stored.document, ...set } })
  })

  test('is of a later cut that says the same', () => {
    expect(written(8, { title: 'one' })).toEqual({ ...stored, seq: 8 })
  })

  test('takes what is inside of a field', () => {
    const set = { 'metadata.viewers': 1 }
    expect(written(7, set)?.document).toMatchObject({ metadata: { viewers: 1 } })
  })

  test('comes back where the same cut removed it before', () => {
    const removed: Stored = { seq: 7, removedAt: 1 }
    expect(upserted(removed, 'a', [{ id: 'a', seq: 7, set: { title: 'one' } }])?.document).toBeDefined()
  })
})
