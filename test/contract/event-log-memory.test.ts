import { describe, expect, test } from 'vitest'
import { LogInMemory } from '../../src/log/memory.ts'
import { systemTime } from '../../src/time.ts'
import { event, idsOf, readTo } from '../support/entries.ts'
import { eventLogContract } from './event-log.ts'

const memory = (): LogInMemory => new LogInMemory({ partitions: 3, settings: { zone: 'UTC' }, time: systemTime })

eventLogContract('in memory', async () => {
  const held = memory()
  let log = held.open()
  return {
    log,
    reader: async () => held.open(),
    async flip(partition, events, bit) {
      const seq = await log.append(partition, events)
      held.flip(partition, seq, bit)
      return seq
    },
    again: async () => {
      await log.close()
      log = held.open()
      return log
    },
    destroy: () => log.close(),
  }
})

describe('the log in memory', () => {
  test('holds the settings it was made with', () => {
    expect(memory().open().settings).toEqual({ zone: 'UTC' })
  })

  test('takes appends of several at once into one order', async () => {
    const held = memory()
    const logs = [held.open(), held.open()]
    const seqs = await Promise.all(logs.map((log, i) => log.append(0, [event(`of ${i}`)])))
    expect(seqs).toEqual([1, 2])
    expect(idsOf(await readTo(held.open(), 0, 2))).toEqual(['of 0', 'of 1'])
  })

  test('is another log where it is renewed, and goes on with the seq it is told', async () => {
    const log = memory().open()
    await log.append(0, [event('lost')])
    const before = await log.bounds(0)
    await log.renew(0, 100)
    const after = await log.bounds(0)
    expect(after).toMatchObject({ first: 100, last: 99 })
    expect(after.incarnation).not.toBe(before.incarnation)
    expect((await log.bounds(1)).incarnation).toBe(before.incarnation)
    expect(await log.append(0, [event('first')])).toBe(100)
  })
})
