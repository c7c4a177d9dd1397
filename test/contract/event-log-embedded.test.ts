import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { RootDatabase } from 'lmdb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { followLog } from '../../src/log/embedded/follower.ts'
import { type EmbeddedLog, openLog } from '../../src/log/embedded/writer.ts'
import type { EventLog } from '../../src/log/index.ts'
import { event, readTo, seqsTo } from '../support/entries.ts'
import { seeded } from '../support/random.ts'
import { untilKilled } from '../support/until-killed.ts'
import { eventLogContract, type OpenedLog } from './event-log.ts'

const environments = vi.hoisted(() => [] as RootDatabase[])
vi.mock('lmdb', async original => {
  const lmdb = await original<typeof import('lmdb')>()
  const open = (...args: Parameters<typeof lmdb.open>) => {
    environments.push(lmdb.open(...args))
    return environments.at(-1)
  }
  return { ...lmdb, open }
})

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
    again: () => stop().then(start),
    destroy: async () => {
      await stop()
      rmSync(path, { recursive: true })
    },
  }
}

eventLogContract('embedded, by its writer', () => openEmbedded(async (_, writer) => writer))
eventLogContract('embedded, by a follower', () => openEmbedded(follow))

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

  test('holds every acknowledged event after kill -9, without a gap', async () => {
    const random = seeded('kill -9 while appending')
    await log.close()
    const acknowledged: string[] = []
    for (let round = 0; round < 5; round++) {
      acknowledged.push(...(await untilKilled('append-until-killed.ts', [path], random)))
    }
    log = await openLog(path, PARTITIONS, {})
    const kept = new Set<string>()
    for (const p of [0, 1]) {
      const { last } = await log.bounds(p)
      const entries = last > 0 ? await readTo(log, p, last) : []
      expect(entries.map(({ seq }) => seq)).toEqual(seqsTo(last))
      for (const { seq, events } of entries) for (const { id } of events) kept.add(`${p} ${seq} ${id}`)
    }
    expect(acknowledged.filter(line => !kept.has(line))).toEqual([])
  })
})
