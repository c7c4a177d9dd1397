import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { followLog } from '../../src/log/embedded/follower.ts'
import { peekAtLog } from '../../src/log/embedded/peek.ts'
import { keyOf } from '../../src/log/embedded/tables.ts'
import { type EmbeddedLog, openLog } from '../../src/log/embedded/writer.ts'
import { encode } from '../../src/log/entries.ts'
import type { EventLog } from '../../src/log/index.ts'
import { event, readTo, seqsTo } from '../support/entries.ts'
import { environments } from '../support/environments.ts'
import { flipInLog } from '../support/flipped.ts'
import { seeded } from '../support/random.ts'
import { ManualTime } from '../support/time.ts'
import { startWriting, untilKilled } from '../support/until-killed.ts'
import { eventLogContract, type OpenedLog } from './event-log.ts'

vi.mock('lmdb', async original => (await import('../support/environments.ts')).noting(original))

const PARTITIONS = 3
const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rollcall-log-'))

const follow = (path: string, writer: EmbeddedLog): Promise<EventLog> => {
  const { port1, port2 } = new MessageChannel()
  writer.serve(port1)
  return followLog(path, port2)
}

/** `own`: the log under test, given its writer. */
async function openEmbedded(own: (path: string, writer: EmbeddedLog) => Promise<EventLog>): Promise<OpenedLog> {
  const path = temporaryDirectory()
  const opened = new Set<EventLog>()
  let writer: EmbeddedLog
  const keep = <L extends EventLog>(log: L): L => {
    const close = log.close.bind(log)
    log.close = async () => {
      if (opened.delete(log)) await close()
    }
    opened.add(log)
    return log
  }
  const start = async (): Promise<EventLog> => {
    writer = keep(await openLog(path, PARTITIONS, {}))
    const log = await own(path, writer)
    return opened.has(log) ? log : keep(log)
  }
  const stop = async (): Promise<void> => {
    for (const log of [...opened].reverse()) await log.close()
  }
  return {
    log: await start(),
    reader: async () => keep(await follow(path, writer)),
    async flip(partition, events, bit) {
      const seq = await writer.append(partition, events)
      await flipInLog(path, partition, seq, bit)
      return seq
    },
    again: () => stop().then(start),
    destroy: async () => {
      await stop()
      rmSync(path, { recursive: true })
    },
  }
}

eventLogContract('embedded, by its writer', () => openEmbedded(async (_, writer) => writer))
eventLogContract('embedded, by a follower', () => openEmbedded(follow))

/** A line for each event, as `append-until-killed.ts` writes it, of a log without a gap. */
async function keptIn(log: EventLog): Promise<string[]> {
  const kept: string[] = []
  for (const p of [0, 1]) {
    const { last } = await log.bounds(p)
    const entries = last > 0 ? await readTo(log, p, last) : []
    expect(entries.map(({ seq }) => seq)).toEqual(seqsTo(last))
    for (const { seq, events } of entries) for (const { id } of events) kept.push(`${p} ${seq} ${id}`)
  }
  return kept
}

describe('the embedded event log', () => {
  let path: string
  let log: EmbeddedLog

  beforeEach(async () => {
    path = temporaryDirectory()
    log = await openLog(path, PARTITIONS, { zone: 'UTC' })
  })
  afterEach(async () => {
    await log.close()
    rmSync(path, { recursive: true })
  })

  test('keeps the settings it was made with', async () => {
    await log.close()
    log = await openLog(path, PARTITIONS, { zone: 'Asia/Taipei' })
    expect(log.settings).toEqual({ zone: 'UTC' })
  })

  test('keeps how its settings changed', async () => {
    expect(log.changed).toBeNull()
    const changed = {
      settings: { zone: 'UTC' },
      pending: { settings: { zone: 'Asia/Taipei' }, from: 7, visitors: ['v'] },
    }
    await log.change(changed)
    await log.close()
    log = await openLog(path, PARTITIONS, { zone: 'Asia/Taipei' })
    expect([log.settings, log.changed]).toEqual([{ zone: 'UTC' }, changed])
    const peek = await peekAtLog(path)
    expect([peek.settings, peek.changed]).toEqual([{ zone: 'UTC' }, changed])
    await peek.close()
  })

  test('notes no change of settings for a process that no longer writes it', async () => {
    await log.takeOver()
    const other = await openLog(path, PARTITIONS, {})
    await other.takeOver()
    await expect(log.change({ settings: { zone: 'x' }, pending: null })).rejects.toMatchObject({ code: 'RC_FENCED' })
    await other.close()
    expect(log.changed).toBeNull()
  })

  test('refuses what is over 200,000 waiting events, whole, and only that', async () => {
    const all = log.append(0, Array(200_000).fill(event('fits')))
    await expect(log.append(1, [event('one too many')])).rejects.toMatchObject({ code: 'RC_OVERLOADED' })
    await all
    expect(await log.append(1, [event('fits again')])).toBe(1)
    const kept = [...(await readTo(log, 0, 1)), ...(await readTo(log, 1, 1))].flatMap(({ events }) => events)
    expect([kept.length, kept.at(-1)!.id]).toEqual([200_001, 'fits again'])
  })

  test('rejects what it could not flush and has no gap afterwards', async () => {
    await log.append(0, [event('before')])
    vi.spyOn(environments.at(-1)!, 'flushed', 'get').mockImplementationOnce(() => Promise.reject(new Error('full')))
    await expect(log.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    const last = await log.append(0, [event('after')])
    const entries = await readTo(log, 0, last)
    expect(entries.map(({ seq }) => seq)).toEqual(seqsTo(last))
    expect(entries.at(-1)!.events).toEqual([event('after')])
  })

  test('takes nothing more while a flush that took too long has not ended, and has no gap afterwards', async () => {
    const time = new ManualTime()
    await log.close()
    log = await openLog(path, PARTITIONS, {}, time)
    await log.takeOver()
    const disk = Promise.withResolvers<never>()
    const flushes = vi.spyOn(environments.at(-1)!, 'flushed', 'get').mockImplementationOnce(() => disk.promise)
    const append = async (id: string): Promise<number | string> => {
      const appended = log.append(0, [event(id)]).catch((error: { code: string }) => error.code)
      await time.advance(5)
      return appended
    }
    const late = append('late')
    await vi.waitFor(() => expect(flushes).toHaveBeenCalled())
    await time.advance(10_000)
    expect([await late, await append('next')]).toEqual(['RC_LOG_UNAVAILABLE', 'RC_LOG_UNAVAILABLE'])
    disk.reject(new Error('at last'))
    await time.settle()
    const last = await append('after')
    const ids = (await readTo(log, 0, Number(last))).map(({ events }) => events[0]!.id)
    expect(ids).toEqual(['late', 'after'])
  })

  test('is written by the process that took it over; the one before is told, and writes nothing more', async () => {
    expect(await log.append(0, [event('first')])).toBe(1)
    const other = await openLog(path, PARTITIONS, {})
    expect(await log.append(0, [event('still first')])).toBe(2)
    await other.takeOver()
    const appended = [1, 0, 2].map(partition => log.append(partition, [event('late')]))
    const refused = { code: 'RC_FENCED' }
    for (const result of await Promise.allSettled(appended)) expect(result).toMatchObject({ reason: refused })
    await expect(log.lost).rejects.toMatchObject(refused)
    await expect(log.append(1, [event('later')])).rejects.toMatchObject(refused)
    expect([await other.append(0, [event('second')]), await other.append(1, [event('third')])]).toEqual([3, 1])
    await expect(log.trim(0, 2)).rejects.toMatchObject(refused)
    const ids = (await readTo(other, 0, 3)).map(({ events }) => events[0]!.id)
    expect(ids).toEqual(['first', 'still first', 'second'])
    await other.close()
  })

  test('is forgotten and begun anew by nobody but its writer', async () => {
    await log.append(0, [event('first')])
    await log.append(0, [event('second')])
    const other = await openLog(path, PARTITIONS, {})
    await other.takeOver()
    const refused = { code: 'RC_FENCED' }
    await expect(log.trim(0, 2)).rejects.toMatchObject(refused)
    await expect(log.renew(0, 100)).rejects.toMatchObject(refused)
    expect(await other.bounds(0)).toMatchObject({ first: 1, last: 2 })
    await other.close()
  })

  test('takes what there is of 1,024 partitions and of a full queue at once', async () => {
    const wide = await openLog(join(path, 'wide'), 1_024, {})
    const single = Array.from({ length: 1_024 }, (_, p) => wide.append(p, [event('e')]))
    const full = Array.from({ length: 190 }, (_, p) => wide.append(p, Array(1_000).fill(event('e'))))
    expect(await Promise.all([...single, ...full])).toEqual([...Array(1_024).fill(1), ...Array(190).fill(2)])
    await wide.close()
  })

  test('writes over nothing that a process wrote which knows of no fence', async () => {
    const theirs = environments.at(-1)!.openDB<Buffer, Buffer>({
      ...{ name: 'entries', encoding: 'binary', keyEncoding: 'binary' },
    })
    await log.takeOver()
    await theirs.put(keyOf(1, 1), encode([event('theirs')]))
    const appended = [0, 1, 2].map(partition => log.append(partition, [event('ours')]))
    for (const result of await Promise.allSettled(appended)) {
      expect(result).toMatchObject({ reason: { code: 'RC_FENCED' } })
    }
    await log.close()
    log = await openLog(path, PARTITIONS, {})
    expect([(await log.bounds(0)).last, await readTo(log, 1, 1), (await log.bounds(2)).last]).toEqual([
      ...[0, [{ seq: 1, events: [event('theirs')] }], 0],
    ])
  })

  test('is readable and writable by its owner alone', async () => {
    const fresh = join(path, 'private')
    await (await openLog(fresh, 1, {})).close()
    const modes = ['', 'data.mdb', 'lock.mdb'].map(name => statSync(join(fresh, name)).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  test('can be followed and appended to from another thread', async () => {
    await log.append(0, [event('before')])
    const { port1, port2 } = new MessageChannel()
    log.serve(port1)
    const thread = new Worker(new URL('../support/log-thread.ts', import.meta.url), {
      workerData: { path, port: port2 },
      transferList: [port2],
    })
    const said: unknown[] = []
    const heard = (messages: number): Promise<void> =>
      new Promise(resolve => thread.on('message', () => said.length >= messages && resolve()))
    thread.on('message', message => said.push(message))
    await heard(2)
    await log.append(0, [event('from here')])
    await heard(3)
    thread.postMessage(event('from there'))
    await heard(5)
    thread.postMessage(null)
    await once(thread, 'exit')
    const entries = ['before', 'from here', 'from there'].map((id, i) => ({
      entry: { seq: i + 1, events: [event(id)] },
    }))
    expect(said).toHaveLength(5)
    expect(said).toEqual(expect.arrayContaining(['ready', ...entries, { seq: 3 }]))
  })

  test('rejects the appends of a follower whose writer is gone', async () => {
    const follower = await follow(path, log)
    await log.close()
    for (const id of ['at once', 'later']) {
      await expect(follower.append(0, [event(id)])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    }
    await follower.close()
  }, 10_000)

  test('holds every acknowledged event of two processes that write at once, once, and one of them is told', async () => {
    await log.close()
    const both = [1, 2].map(() => startWriting('append-until-killed.ts', [path]))
    const isTold = (lines: string[]): boolean => lines.includes('RC_FENCED')
    await Promise.race(both.map(each => each.until(isTold)))
    await Promise.all(both.map(each => each.until(lines => lines.length >= 50 || isTold(lines))))
    const said = (await Promise.all(both.map(each => each.kill()))).flat()
    log = await openLog(path, PARTITIONS, {})
    const kept = await keptIn(log)
    const acknowledged = said.filter(line => line !== 'RC_FENCED')
    expect(acknowledged.filter(line => kept.filter(each => each === line).length !== 1)).toEqual([])
    expect(acknowledged.length).toBeGreaterThanOrEqual(50)
  })

  test('holds every acknowledged event after kill -9, without a gap', async () => {
    const random = seeded('kill -9 while appending')
    await log.close()
    const acknowledged: string[] = []
    for (let round = 0; round < 5; round++) {
      acknowledged.push(...(await untilKilled('append-until-killed.ts', [path], random)))
    }
    log = await openLog(path, PARTITIONS, {})
    const kept = new Set(await keptIn(log))
    expect(acknowledged.filter(line => !kept.has(line))).toEqual([])
  })
})
