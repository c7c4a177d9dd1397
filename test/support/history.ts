import type { Event } from '../../actors/event.ts'
import type { Entry } from '../../src/log/index.ts'
import type { Random } from './random.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

/** A random log of one partition: viewers, visitors and a streamer, with ticks between, in whatever order they came. */
export function history(random: Random, length: number): Entry[] {
  let now = NOON
  let session = 's0'
  const make: ((arrival: number) => Omit<Event, 'arrival'>)[] = [
    arrival => heartbeat(random, arrival),
    arrival => heartbeat(random, arrival),
    arrival => webEvent(random, arrival),
    arrival => webEvent(random, arrival),
    at => ({ kind: 'tick', key: '', id: '', at, epoch: 0 }),
    at => {
      session = `s${random.int(0, 5)}`
      const facts = {
        fresh: `${session}-${at}`,
        sourceId: random.chance(0.3) ? session : null,
        title: null,
        device: null,
      }
      return {
        kind: 'session.start',
        key: 'streamer',
        id: `start-${at}`,
        at,
        ...facts,
        userTags: ['country:tw'],
        price: 0,
      }
    },
    at => {
      const sessionId = `s${random.int(0, 5)}`
      const id = `x${random.int(0, 99)}`
      const verb = random.pick(['preset', 'rate', 'goals', 'end'])
      const facts = {
        preset: { preset: random.pick(['preview', 'sd']), price: 1 },
        rate: { rater: `r${random.int(0, 3)}`, score: random.int(1, 5) },
        goals: { showGoalPairs: [{ title: id, price: 1 }], exclusiveGoalPairs: [] },
        end: {},
      }[verb]
      return { kind: `session.${verb}`, key: 'streamer', id, at, sessionId, ...facts }
    },
  ]
  return Array.from({ length }, (_, i) => ({
    seq: i + 1,
    events: Array.from({ length: random.int(1, 4) }, () => {
      now += random.chance(0.05) ? random.int(0, 90_000_000) : random.int(0, 400_000)
      return { ...random.pick(make)(now), arrival: now } as Event
    }),
  }))
}

function heartbeat(random: Random, arrival: number): Omit<Event, 'arrival'> {
  const stream = random.pick([undefined, 'a', 'b'])
  const facts = {
    path: stream ? `/live/${stream}` : '/',
    country: random.pick(['TW', 'FR']),
    groups: random.pick([[], ['g']]),
  }
  const at = arrival - random.int(0, 3_000_000)
  return { kind: 'heartbeat', key: `u${random.int(0, 3)}`, id: '', at, ...facts, stream: stream ?? null }
}

function webEvent(random: Random, arrival: number): Omit<Event, 'arrival'> {
  const id = `e${random.int(0, 60)}`
  const ts = arrival - random.pick([0, 60_000, 7_200_000, 90_000_000, 200_000_000])
  const source = random.chance(0.2) ? { source: { source: random.pick(['google', 'direct']) } } : {}
  const visit = { id, ts, page: `/${random.int(0, 2)}`, ...source }
  return { kind: 'web-event', key: `v${random.int(0, 2)}`, id, at: ts, visit }
}
