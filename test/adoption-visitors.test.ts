import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { SaysOf } from '../actors/kinds.ts'
import type { ShownVisit } from '../actors/visitor-day-documents.ts'
import type { VisitorDay } from '../machines/visitor-day.ts'
import type { Effect } from '../src/effects/index.ts'
import { allRecords } from './support/all-records.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { seeded } from './support/random.ts'
import {
  ABOVE,
  alive,
  arrival,
  beforeThis,
  DAY,
  documents,
  expected,
  fromThen,
  logged,
  shown,
  visit,
} from './support/two-lives.ts'

describe('a visitor of whom documents know more than the actor', () => {
  test('goes on with the day that documents show', async () => {
    const [a, b] = [visit('a', NOON), visit('b', NOON + 60_000)]
    await beforeThis(a)
    const { run, settle } = await fromThen()
    await run(logged(b))
    await settle()
    expect(await shown()).toEqual(expected(a, b))
  })

  test('takes events as a former version wrote them, and none with the session that documents say it is of', async () => {
    const [a, b, c] = [visit('a', NOON), visit('b', NOON + 60_000), visit('c', NOON + 50 * 60_000)]
    await beforeThis(a, b, c)
    const [chunk] = await documents.find('web-events', {})
    const [first, ...others] = chunk!.events as ShownVisit[]
    const { webSessionId: _, ...former } = first!
    const events = [former, ...others]
    await documents.upsertMany('web-events', [{ id: chunk!._id, seq: 9, set: { events } }])
    const { run, settle, one } = await fromThen()
    await run(logged(visit('d', NOON + 25 * 60_000)))
    await settle()
    expect(await shown()).toEqual(expected(a, b, c, visit('d', NOON + 25 * 60_000)))
    const { context } = (await one.partition.residents.snapshotOf('visitor', 'v'))!
    const { days } = context as { days: Record<string, VisitorDay> }
    expect(days['2026-01-01']!.chunks.flat().map(visit => Object.keys(visit))).toEqual(
      Array(4).fill(['id', 'ts', 'page']),
    )
  })

  test('shows nothing of the day until all of it is here', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)), logged(visit('c', NOON + 120_000)))
    expect(await shown()).toEqual(expected(visit('a', NOON)))
    expect(one.partition.readableUntil).toBe(ABOVE)
    await settle()
    expect(one.partition.readableUntil).toBe(one.partition.applied)
  })

  test('is asked for once, where the day is later than any document can be', async () => {
    await beforeThis(visit('a', NOON))
    const later = await alive(await OnePartition.adopting(ABOVE, { until: NOON + DAY, documents }))
    const [b, c, d] = [visit('b', NOON + 2 * DAY), visit('c', NOON + 3 * DAY), visit('d', NOON + 60_000)]
    await later.run(logged(b))
    expect(later.asked).toHaveLength(1)
    await later.settle()
    await later.run(logged(c))
    expect(later.asked).toHaveLength(0)
    await later.run(logged(d))
    await later.settle()
    expect(await shown()).toEqual(expected(visit('a', NOON), b, c, d))
  })

  test('waits on with a day that was asked for, though its documents are known meanwhile', async () => {
    const [a, b, c, d] = [
      visit('a', NOON),
      visit('b', NOON + 3 * DAY),
      visit('c', NOON + 1),
      visit('d', NOON + 3 * DAY + 1),
    ]
    await beforeThis(a)
    const { run, answer, settle, asked } = await alive(
      await OnePartition.adopting(ABOVE, { until: NOON + DAY, documents }),
    )
    await run(logged(b), logged(c))
    asked.reverse()
    await answer()
    await run(logged(d))
    await settle()
    expect(await shown()).toEqual(expected(a, b, c, d))
  })

  test('asks once for a day', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, asked } = await fromThen()
    await run(...[1, 2, 3].map(n => logged(visit(`b${n}`, NOON + n))))
    expect(asked).toHaveLength(1)
    await settle()
    await run(logged(visit('c', NOON + 60_000)))
    expect(asked).toHaveLength(0)
  })

  test('keeps of an event that came in both lives what was received first', async () => {
    const [a, again] = [visit('a', NOON), visit('a', NOON, { page: '/other' })]
    await beforeThis(a)
    const { run, settle } = await fromThen()
    await run(logged(again), logged(visit('b', NOON + 1)))
    await settle()
    expect(await shown()).toEqual(expected(a, visit('b', NOON + 1)))
  })

  test('whose new event is earlier than all that documents show, takes the first day from them', async () => {
    const [late, early] = [visit('a', NOON), visit('b', NOON - 3 * DAY)]
    await beforeThis(late)
    const { run, settle } = await fromThen()
    await run(logged(early))
    await settle()
    expect(await shown()).toEqual(expected(early, late))
  })

  test('removes a session that a late event joins to the one before, and the documents of chunks no longer used', async () => {
    const far = Array.from({ length: 1_400 }, (_, i) => visit(`n${String(i).padStart(4, '0')}`, NOON + i))
    // The latest first, so that chunks are split where they need not be.
    const apart = far.toReversed()
    const [before, joins] = [visit('a', NOON - 40 * 60_000), visit('b', NOON - 20 * 60_000)]
    await beforeThis(before, ...apart)
    expect(await shown()).toEqual(expected(before, ...apart))
    const { run, settle, one } = await fromThen()
    await run(logged(joins))
    await settle()
    expect(await shown()).toEqual(expected(before, joins, ...apart))
    expect((await documents.find('web-events', {})).flatMap(({ events }) => events)).toHaveLength(1_402)
    const said = one.effects.filter(({ kind }) => kind === 'web-session.corrected')
    expect(said.map(({ payload }) => payload)).toEqual([{ id: 'v-2026-01-01#2', session: null }])
  })

  test('is kept without what has waited once that counts', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)))
    await settle()
    expect(
      [...(await allRecords(one.store, one.partition.claim)).keys()].filter(key => key.includes('waiting')),
    ).toEqual([])
  })

  test('whose day is too large for one answer, asks on', async () => {
    const page = `/${'x'.repeat(8_000)}`
    const many = Array.from({ length: 100 }, (_, i) => visit(`n${i}`, NOON + i, { page }))
    await beforeThis(...many)
    const { run, answer, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)))
    await answer()
    expect(await shown()).toEqual(expected(...many))
    expect(one.partition.readableUntil).toBe(ABOVE)
    await settle()
    expect(await shown()).toEqual(expected(...many, visit('b', NOON + 60_000)))
  })

  test('says that a session it was found with is corrected when it grows, and closed when it is new', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)), logged(visit('c', NOON + 3_600_000)))
    await settle()
    await run(tick(NOON + DAY))
    const said = one.effects.filter(({ kind }) => kind.startsWith('web-session.'))
    const ids = said.map(({ kind, payload }) => [kind, (payload.session as { id: string }).id])
    expect(ids).toEqual([
      ['web-session.corrected', 'v-2026-01-01'],
      ['web-session.closed', 'v-2026-01-01#2'],
    ])
  })

  test('waits on for what cannot be had, whoever wants to give it up', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, asked } = await fromThen()
    await run(logged(visit('b', NOON + 1)))
    const [{ id, actor }] = asked as [Effect<SaysOf<'visitor-day.adopt'>>]
    const about = (kind: string, facts = {}): Event => ({
      ...{ kind, key: 'v', id, at: arrival, arrival, effect: id, actor },
      ...facts,
    })
    await run(about('effect.failed', { error: 'no', code: 'RC_INTERNAL' }), about('effect.drop'), about('effect.retry'))
    await settle()
    expect(await shown()).toEqual(expected(visit('a', NOON), visit('b', NOON + 1)))
  })

  test('says nothing of what did not change', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('a', NOON)))
    await settle()
    await run(tick(NOON + DAY))
    expect(one.said.filter(kind => kind.startsWith('web-session.'))).toEqual([])
  })
})

test('two lives, with answers that come late and restarts between, show what one life would', async () => {
  const random = seeded('adoption')
  for (let history = 0; history < 100; history++) {
    for (const collection of ['web-sessions', 'web-events'] as const) await documents.removeWhere(collection, {})
    const base = NOON + history * 100 * DAY
    const events = Array.from({ length: random.int(1, 30) }, () =>
      visit(`e${random.int(0, 40)}`, base + random.int(0, 3) * DAY + random.int(0, 20) * 600_000, {
        ...{ sessionId: random.pick([`v${history}`, `w${history}`]), page: `/${random.int(0, 2)}` },
        ...(random.chance(0.2) && { partyId: random.pick(['', 'party']) }),
        ...(random.chance(0.2) && { source: { source: random.pick(['google', 'direct']) } }),
      }),
    )
    const split = random.int(0, events.length)
    await beforeThis(...events.slice(0, split))
    const until = base + random.pick([-2, 1, 2, 9]) * DAY
    // Documents are of the days before.
    const isBefore = events.slice(0, split).every(({ ts }) => ts <= until)
    const adopting = await OnePartition.adopting(ABOVE, { until: isBefore ? until : base + 99 * DAY, documents })
    const { one, run, answer, settle } = await alive(adopting)
    for (const [i, event] of events.entries()) {
      if (i < split) continue
      await run(logged(event))
      while (random.chance(0.4) && (await answer()));
      if (random.chance(0.2)) await one.restart()
      if (random.chance(0.2)) await run(logged(random.pick(events.slice(0, i + 1))))
    }
    await settle()
    const all = expected(...events)
    const own = new Set(all.map(({ visitorId }) => visitorId))
    expect((await shown()).filter(({ visitorId }) => own.has(String(visitorId)))).toEqual(all)
  }
})
