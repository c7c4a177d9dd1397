import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { isStrayDiskFault, spaceAt } from '../src/lmdb/disk.ts'
import { systemTime } from '../src/time.ts'

describe('a disk', () => {
  test('has space for input while it is above the floor', () => {
    expect(spaceAt(tmpdir(), systemTime)()).toBe(true)
  })

  test.each([
    'Commit failed (see commitError for details)',
    'No space left on device: Attempting to write page at position 57344, size 208896',
    'Input/output error',
  ])('that fails is known by %j', message => {
    expect(isStrayDiskFault(new Error(message))).toBe(true)
  })

  test.each(['Input refused', 'the commit failed', ''])('is not blamed for %j', message => {
    expect(isStrayDiskFault(new Error(message))).toBe(false)
  })
})
