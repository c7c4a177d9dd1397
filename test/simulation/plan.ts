import type { Random } from '../support/random.ts'
import { NOON } from './clock.ts'
import { PLACES, type Place, TROUBLES, type Trouble } from './fate.ts'

/** What clients send. The same input may be sent several times, and is sent until it is accepted. */
export type Input =
  | { beat: { userId: string; path: string; at: number; country: string; groups: string[] } }
  | {
      visit: {
        sessionId: string
        id: string
        ts: number
        page: string
        userId?: string
        partyId?: string
        source?: { source: string }
      }
    }
  | { start: { userId: string; title: string } }
  | { change: { streamer: string; verb: 'sd' | 'preview' | 'goals' | 'end' } }
  | { rate: { streamer: string; userId: string; score: number } }

/** A step of a history, as data: it can be printed, left out, and played again. */
export type Step =
  | { send: number[]; to: number }
  | { pass: number }
  | { arm: Place; trouble: Trouble; nth: number; of: number }
  | { outage: Place; ms: number }
  | { kill: number }
  | { killShard: number; of: number }
  | { freeze: number }
  | { thaw: number }
  | { stop: number }
  | { start: number }
  | { skew: number; of: number }
  | { loseTail: number; entries: number }

export interface Plan {
  seed: number
  processes: number
  shards: number
  inputs: Input[]
  steps: Step[]
}

/** No beat is further behind than that, with all that a history takes, as beats may be late. */
const BEHIND_MS = 60_000
const HOUR = 3_600_000

/** A history of the seed: up to a hundred inputs and thirty disturbances. */
export function planOf(seed: number, random: Random): Plan {
  const processes = random.int(1, 2)
  const inputs = Array.from({ length: random.int(10, 60) }, () => input(random))
  const sends = random.shuffle([...inputs.keys(), ...inputs.keys()].filter((n, i) => i < inputs.length || n % 3 === 0))
  const steps: Step[] = []
  for (const numbers of random.cut(sends, 5)) {
    steps.push({ send: numbers, to: random.int(0, processes - 1) })
    if (random.chance(0.7)) steps.push({ pass: random.pick([1, 5, 20, 300, 1_500, 8_000]) })
    if (random.chance(0.35)) steps.push(...disturbance(random, processes))
  }
  return { seed, processes, shards: random.int(1, 2), inputs, steps }
}

function input(random: Random): Input {
  const roll = random.next()
  const now = NOON + random.int(0, 60_000)
  if (roll < 0.45) {
    const stream = random.pick(['a', 'b', null])
    const userId = `u${random.int(0, 4)}`
    const at = now - random.int(0, BEHIND_MS)
    const groups = random.pick([[], ['gold'], ['gold', 'new']])
    return { beat: { userId, at, path: stream ? `/live/${stream}` : '/', country: random.pick(['TW', 'FR']), groups } }
  }
  if (roll < 0.8) return { visit: visitOf(random) }
  const streamer = `s${random.int(0, 1)}`
  if (roll < 0.87) return { start: { userId: streamer, title: `t${random.int(0, 9)}` } }
  if (roll < 0.94) return { change: { streamer, verb: random.pick(['sd', 'preview', 'goals', 'end'] as const) } }
  return { rate: { streamer, userId: `r${random.int(0, 2)}`, score: random.int(1, 5) } }
}

/** A visit that its visitor and id alone decide: whoever says the same id says the same. */
function visitOf(random: Random) {
  const [visitor, n] = [random.int(0, 2), random.int(0, 40)]
  const back = [0, 25_000, 50_000, 61_000, 260_000, 13 * HOUR, 26 * HOUR][n % 7]! + n * 900
  const source = n % 5 === 0 ? { source: { source: ['news', 'direct'][n % 2]! } } : {}
  const userId = n % 4 === 0 ? { userId: `u${visitor}` } : {}
  const partyId = n % 3 === 1 ? { partyId: `p${n % 2}` } : {}
  return {
    ...{ sessionId: `v${visitor}`, id: `e${n}`, ts: NOON - back, page: `/${n % 3}${n % 6 === 0 ? '?q' : ''}` },
    ...source,
    ...userId,
    ...partyId,
  }
}

function disturbance(random: Random, processes: number): Step[] {
  const of = random.int(0, processes - 1)
  const later = { pass: random.pick([10, 500, 7_000]) }
  return random.pick<() => Step[]>([
    () => arming(random, of),
    () => arming(random, of),
    () => arming(random, of),
    () => [{ kill: of }, later, { start: of }],
    () => [{ kill: of }, { start: of }],
    () => [{ killShard: random.int(0, 1), of }],
    () => [{ stop: of }, later, { start: of }],
    () => [{ freeze: of }, { pass: random.pick([200, 4_000, 12_000]) }, { thaw: of }],
    () => [{ outage: random.pick(PLACES), ms: random.pick([300, 4_000, 15_000]) }],
    () => [{ skew: random.pick([-3_000, 3_000, HOUR, -HOUR]), of }, later, { skew: 0, of }],
    () => [{ loseTail: random.int(0, 1), entries: random.int(1, 3) }],
  ])()
}

const arming = (random: Random, of: number): Step[] => {
  const place = random.pick(['log', 'checkpoint', 'checkpoint', 'documents', 'documents', 'lease', 'service'] as const)
  const troubles: readonly Trouble[] = place === 'service' ? [...TROUBLES, 'refused'] : TROUBLES
  return [{ arm: place, trouble: random.pick(troubles), nth: random.int(1, 8), of }]
}
