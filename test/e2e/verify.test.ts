import { createHash } from 'node:crypto'
import { cpSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { openLog } from '../../src/log/embedded/writer.ts'
import { openKeeper } from '../../src/stores.ts'
import { systemTime } from '../../src/time.ts'
import { changeRecord, firstOf, flipBit, inDocuments, inLog } from '../support/behind-its-back.ts'
import { eveningKept, SETTINGS, type Verified, verified } from '../support/evening-kept.ts'
import { type Body, type Env, ended, rollcall, temporaryDirectory } from '../support/server.ts'

let kept: string

beforeAll(async () => {
  kept = (await eveningKept()).data
}, 60_000)

/** The files of a directory but for LMDB's locks, with hashes of what is in them. */
const contentOf = (data: string): string[] =>
  globSync('**/*', { cwd: data, withFileTypes: true })
    .filter(file => file.isFile() && file.name !== 'lock.mdb')
    .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name))] as const)
    .map(([name, content]) => `${name} ${createHash('sha256').update(content).digest('hex')}`)
    .sort()

/** A copy of the evening, in which something was changed behind Rollcall's back. */
async function planted(plant: (data: string) => Promise<void>): Promise<Verified> {
  const data = temporaryDirectory()
  cpSync(kept, data, { recursive: true })
  await plant(data)
  return verified(data)
}

describe('rollcall verify', () => {
  test('finds nothing in what a server left behind, and changes nothing', async () => {
    const before = contentOf(kept)
    const { code, differences, notes, summary } = await verified(kept)
    expect([code, differences, notes]).toEqual([0, [], []])
    expect(contentOf(kept)).toEqual(before)
    const { derived, records, documents, accounts, events } = summary
    expect([derived, records > 100, documents > 200, accounts > 10, events > 900]).toEqual([2, true, true, true, true])
  })

  test('finds a counter that is off by one, and the event from which it is', async () => {
    const { code, differences } = await planted(async data => {
      await changeRecord(data, { space: 'aggregate', names: ['totals'] }, totals => {
        return { ...totals, attendance: totals.attendance - 1 }
      })
    })
    expect([code, differences]).toEqual([
      1,
      [
        expect.objectContaining({
          ...{ of: 'state', name: 'aggregate totals', partition: 0 },
          text: expect.stringMatching(/^attendance is \d+, should be \d+$/),
          first: expect.objectContaining({ kind: 'heartbeat', seq: expect.any(Number) }),
        }),
      ],
    ])
    expect(differences[0].first.never).toBe(undefined)
  })

  test('finds a population that does not add up, and takes none for one that is still to be counted', async () => {
    const states = { space: 'aggregate' as const, names: ['states'] }
    const found = await planted(async data => {
      await changeRecord(data, states, ({ kinds, ...rest }) => {
        const { viewer } = kinds
        const away = (viewer.states.away ?? 0) + 1
        return { ...rest, kinds: { ...kinds, viewer: { ...viewer, states: { ...viewer.states, away } } } }
      })
    })
    expect(found.code).toBe(1)
    expect(found.differences).toMatchObject([{ of: 'state', name: 'aggregate states', partition: 0 }])
    const former = await planted(async data => void (await changeRecord(data, states, kept => ({ ...kept, cut: 1 }))))
    expect([former.code, former.differences]).toEqual([0, []])
  })

  test('finds a flipped bit in what has a snapshot in it', async () => {
    let pieces: string[] = []
    const { code, differences } = await planted(async data => {
      pieces = await flipBit(data)
    })
    const [partition] = pieces[0]!.split('/')
    const text = expect.stringContaining(`cannot be read: Partition ${partition}: the piece ${partition}/`)
    expect([code, differences]).toEqual([
      1,
      [expect.objectContaining({ of: 'state', partition: Number(partition), text })],
    ])
    expect(pieces.some(piece => differences[0].text.includes(piece))).toBe(true)
  })

  test('finds a snapshot that was never so, and the last event that changed it', async () => {
    let name = ''
    const { code, differences } = await planted(async data => {
      name = await changeRecord(data, { space: 'actor', names: ['viewer'] }, ([version, state, context]) => {
        return [version, state, { ...context, last: { ...context.last, at: context.last.at ^ 1 } }]
      })
    })
    const [{ of, text, first }] = differences
    expect([code, differences.length, of, differences[0].name]).toEqual([1, 1, 'state', name])
    expect(text).toMatch(/^2\.last\.at is \d+, should be \d+$/)
    expect(first).toMatchObject({ kind: 'heartbeat', never: true, key: name.split(' ')[2] })
  })

  test('finds a document that was edited by hand', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const document = await firstOf(documents, 'web-sessions')
        id = document._id
        await documents.upsertMany('web-sessions', [{ id, seq: 1e9, set: { pageViews: 99 } }])
      }),
    )
    expect([code, differences]).toEqual([
      1,
      [
        expect.objectContaining({
          of: 'document',
          name: `web-sessions ${id}`,
          text: expect.stringContaining('pageViews is 99'),
        }),
      ],
    ])
  })

  test('finds a stale web session, and the visit that it does not know', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const [session] = await documents.find('web-sessions', {
          filter: { eventCount: 2 },
          sort: { _id: 1 },
          limit: 1,
        })
        const [event] = await documents.find('web-events', { filter: { visitorId: session!.visitorId }, limit: 1 })
        expect(event).toBeDefined()
        id = session!._id
        const former = { eventCount: 1, end: session!.start, pageViews: 1, singlePage: true }
        await documents.upsertMany('web-sessions', [{ id, seq: 4_000, set: former }])
      }),
    )
    expect([code, differences.length]).toEqual([1, 1])
    const [{ of, name, first }] = differences
    expect([of, name, first.kind, first.key]).toEqual(['document', `web-sessions ${id}`, 'web-event', id.slice(0, -11)])
  })

  test('finds a follower that was told twice, by the accounts of effects', async () => {
    const kind = 'notify_followers_livestream_online'
    let [session, again] = ['', '']
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const { _id, ...account } = await firstOf(documents, 'effects', { lane: { $in: [`0/${kind}`, `1/${kind}`] } })
        session = _id
        const seq = Number(account.seq) + 1
        again = `${account.actor}:${seq}:0`
        await documents.upsertMany('effects', [{ id: again, seq, set: { ...account, seq, index: 0 } }])
      }),
    )
    const told = expect.stringContaining(`followers were told twice, also by ${session}`)
    expect([code, differences]).toEqual([1, [expect.objectContaining({ of: 'effect', name: again, text: told })]])
  })

  test('finds an effect that left the outbox and is not accounted for', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        id = (await firstOf(documents, 'effects', { lane: { $in: ['0/session.ended', '1/session.ended'] } }))._id
        await documents.removeMany('effects', [id], 1e9)
      }),
    )
    expect([code, differences]).toEqual([
      1,
      [expect.objectContaining({ of: 'effect', name: id, text: 'is neither in the outbox nor accounted for' })],
    ])
  })

  test('finds documents that are gone, or should be, and a sum that is none', async () => {
    let window = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const { _id, ...session } = await firstOf(documents, 'web-sessions')
        await documents.removeMany('web-sessions', [_id], 4_000)
        await documents.upsertMany('web-sessions', [{ id: `${_id}#7`, seq: 1, set: session }])
        window = (await firstOf(documents, 'statistics', { partition: { $exists: false }, viewerCount: { $gt: 1 } }))
          ._id
        await documents.upsertMany('statistics', [{ id: window, seq: 1e6, set: { viewerCount: 1 } }])
      }),
    )
    const found = differences.map(({ name, text }) => [name.replace(/ .*#/, ' #'), text.replace(/\d+$/, 'n')])
    expect([code, found.sort()]).toEqual([
      1,
      [
        [`statistics ${window}`, 'viewerCount is 1, should be n'],
        ['web-sessions #7', 'should not be there'],
        [expect.stringMatching(/^web-sessions visitor-/), 'is not there'],
      ],
    ])
  })

  test('finds a document that was edited before the copy of the state with which it begins', async () => {
    let id = ''
    const { code, differences, summary } = await planted(async data => {
      const [keeper, log] = [
        await openKeeper(join(data, 'state'), null, systemTime),
        await openLog(join(data, 'log'), 2, {}),
      ]
      for (const p of [0, 1]) await log.trim(p, (await keeper.keep(p))!.cut)
      await Promise.all([keeper.close(), log.close()])
      await inDocuments(data, async documents => {
        id = (await firstOf(documents, 'web-sessions'))._id
        await documents.upsertMany('web-sessions', [{ id, seq: 4_000, set: { pageViews: 99 } }])
      })
    })
    expect([code, differences.map(({ name }) => name), summary.derived]).toEqual([1, [`web-sessions ${id}`], 2])
  })

  test('says what it cannot derive, where the log was trimmed without a copy of the state', async () => {
    const { code, notes, summary } = await planted(async data => {
      const log = await openLog(join(data, 'log'), 2, {})
      await log.trim(0, 3)
      await log.close()
    })
    const text = 'its log begins at 3, and no checkpoint from before is kept: its state is not derived'
    expect([code, notes, summary.derived]).toEqual([0, [{ type: 'note', partition: 0, text }], 1])
  })

  test('holds itself to a rate, and refuses what it cannot do', async () => {
    const { summary } = await verified(kept, {}, '--rate', '2000')
    const { events, records, seconds } = summary
    expect(seconds).toBeGreaterThan((events + records) / 2_000)
    const refused = async (env: Env, ...flags: string[]): Promise<string> => {
      const { code, stderr } = await ended(rollcall(['verify', ...flags], { ...SETTINGS, ROLLCALL_DATA: kept, ...env }))
      return `${code} ${stderr.slice(0, 25)}`
    }
    expect(await refused({ ROLLCALL_ZONE: 'Asia/Tokyo' })).toContain('1 RC_CONFIG_CHANGED')
    expect(await refused({ ROLLCALL_DATA: join(kept, 'elsewhere') })).toContain('1 RC_NOT_FOUND')
    expect(await refused({}, '--rate', '0')).toContain('2 RC_INVALID_INPUT')
    expect(await refused({}, '--quick')).toContain('2 RC_INVALID_INPUT')
  })

  test('finds a flipped byte in the log, by the entry that it is in', async () => {
    let entry: Body
    const { code, differences } = await planted(data =>
      inLog(data, async (db, entries) => {
        entry = entries.find(({ events }) => events.some(({ kind }: Body) => kind === 'web-event'))
        const value = Buffer.from(db.get(entry.key))
        const place = value.indexOf('/z')
        value[place + 1]! ^= 1
        await db.put(entry.key, value)
      }),
    )
    expect([code, differences.length > 0]).toEqual([1, true])
    const places = differences.map(({ partition, seq, first }) => [partition, seq ?? first.seq])
    expect(places).toContainEqual([entry.partition, entry.seq])
    expect(places.every(([partition, seq]) => partition === entry.partition && seq >= entry.seq)).toBe(true)
  })

  test('finds a lost entry, and the lost end of a log', async () => {
    const lost = async (place: number) => {
      let entry: Body
      const { code, differences } = await planted(data =>
        inLog(data, async (db, entries) => {
          entry = entries.filter(({ partition }) => partition === 1).at(place)
          await db.remove(entry.key)
        }),
      )
      return [code, differences.map(({ of, partition, name, text }) => [of, partition, name, text]), entry.seq]
    }
    const [code, differences, seq] = await lost(5)
    expect([code, differences]).toEqual([1, [['log', 1, `entry ${seq}`, 'not in the log any more']]])
    const [other, [[of, , name, text]]] = await lost(-1)
    expect([other, of, name, text]).toEqual([1, 'log', 'partition 1', expect.stringContaining('RC_LOG_BEHIND')])
  })
})
