import { type Point, STEPS, type Step as StepName } from '../../src/observe/steps.ts'
import type { Random } from '../support/random.ts'
import { NOON } from './clock.ts'
import { type Death, DISKS, type Disk, PLACES, type Place, TROUBLES, type Trouble } from './fate.ts'
import type { DayRules } from './places.ts'

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
  | { dieAt: Death; of: number }
  | { full: Disk; ms: number }
  | { trim: number }
  | { keep: number }
  | { putBack: number }
  | { flush: true }
  | { lose: 'checkpoints' | 'all but documents'; death: Death }
  | { recompute: Recomputing }
  | { known: string }

/** A recomputation, which meets these troubles, two at each attempt, and deaths, one at each. */
export interface Recomputing {
  /** ms */
  from: number
  visitors: string[] | null
  /** null: the rules stay as they are */
  change: DayRules | null
  troubles: Arming[]
  deaths: Death[]
  /** somebody changed documents by hand before */
  spoils: boolean
}

export interface Arming {
  place: Place
  trouble: Trouble
  nth: number
}

export interface Plan {
  seed: number
  processes: number
  shards: number
  inputs: Input[]
  steps: Step[]
}

const pointsOf = (is: (step: StepName) => boolean): Point[] =>
  STEPS.filter(is).flatMap((step): Point[] => [`before ${step}`, `after ${step}`])

/**
 * Steps at which no process dies here by its own: those of commands that need a machine, those before and after which
 * calls to the lease have a process die, the sweep of hundreds of accounts, a question that an operator asks here, and
 * the copies by which a verification begins, which nobody makes here.
 */
const ELSEWHERE = /^(repair|recompute|lease)\.|^(account\.sweep|adopt\.keep|trim\.(copies|cuts|keep))$/
export const POINTS = pointsOf(step => !ELSEWHERE.test(step))
const OF = {
  claim: pointsOf(step => /^(claim|adopt\.(peek|look))/.test(step)),
  adoption: pointsOf(step => step.startsWith('adopt.')).filter(point => POINTS.includes(point)),
  countingAnew: pointsOf(step => step === 'claim.anew'),
  trimming: pointsOf(step => /^trim/.test(step)).filter(point => POINTS.includes(point)),
  recomputation: pointsOf(step => step.startsWith('anew.')),
  adoptingAnew: pointsOf(step => step === 'anew.adopt'),
}
/** Steps that a history comes to once or twice, if at all. */
const SELDOM = pointsOf(step => /^(answer|feed|channels|devices|viewers|remove|sums)/.test(step))
const OFTEN = POINTS.filter(point => !Object.values(OF).flat().includes(point))

/** No beat is further behind than that, with all that a history takes, as beats may be late. */
const BEHIND_MS = 60_000
const HOUR = 3_600_000

/** A history of the seed: up to forty inputs, disturbances between them, and seldom a disaster. */
export function planOf(seed: number, random: Random): Plan {
  const processes = random.int(1, 2)
  const inputs = Array.from({ length: random.int(8, 36) }, () => input(random))
  const sends = random.shuffle([...inputs.keys(), ...inputs.keys()].filter((n, i) => i < inputs.length || n % 3 === 0))
  const parts: Step[][] = []
  for (const numbers of random.cut(sends, 5)) {
    const part: Step[] = [{ send: numbers, to: random.int(0, processes - 1) }]
    if (random.chance(0.7)) part.push({ pass: random.pick([1, 5, 20, 300, 1_500, 8_000]) })
    if (random.chance(0.35)) part.push(...disturbance(random, processes))
    parts.push(part)
  }
  for (const disaster of disasters(random, inputs)) {
    // In its order, whatever is between.
    let at = 0
    for (const steps of disaster) {
      at = random.int(at, parts.length)
      parts.splice(at++, 0, steps)
    }
  }
  return { seed, processes, shards: random.int(1, 2), inputs, steps: parts.flat() }
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
  const streamer = `s${random.int(0, 2)}`
  if (roll < 0.87) return { start: { userId: streamer, title: `t${random.int(0, 9)}` } }
  if (roll < 0.94) return { change: { streamer, verb: random.pick(['sd', 'preview', 'goals', 'end'] as const) } }
  return { rate: { streamer, userId: `r${random.int(0, 2)}`, score: random.int(1, 5) } }
}

const BACK = [-50_000, 0, 25_000, 61_000, 260_000, 8 * HOUR, 13 * HOUR, 18 * HOUR, 26 * HOUR]

/** A visit that its visitor and id alone decide: whoever says the same id says the same. */
function visitOf(random: Random) {
  const [visitor, n] = [random.int(0, 2), random.int(0, 40)]
  const back = BACK[n % BACK.length]! + n * 900
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

/** Deeds that need most of a history to come right: in parts, between which others come. */
function disasters(random: Random, inputs: Input[]): Step[][][] {
  if (random.chance(0.55)) return []
  const partition = random.int(0, 1)
  const lost = random.pick(['checkpoints', 'all but documents', 'all but documents'] as const)
  const losing: Step[][] = [
    [{ lose: lost, death: deathOf(random, lost === 'checkpoints' ? OF.countingAnew : OF.adoption) }],
  ]
  return random.pick<() => Step[][][]>([
    () => [[[{ recompute: recomputing(random, false) }]]],
    () => [[[{ recompute: recomputing(random, false) }]], [[{ recompute: recomputing(random, false) }]]],
    () => [[[{ recompute: recomputing(random, true) }]], losing],
    () => [[...losing, [{ recompute: recomputing(random, true) }]]],
    () => [losing],
    () => [[[{ keep: partition }], [{ putBack: partition }]]],
    () => [[[{ keep: partition }], [{ trim: 100 }], [{ putBack: partition }]]],
    () => [[startOf(inputs)]],
  ])()
}

/** A streamer's start, whose earlier sessions are known only when the services are back. */
function startOf(inputs: Input[]): Step[] {
  inputs.push({ start: { userId: 's2', title: 'again' } })
  return [{ outage: 'service', ms: 4_000 }, { send: [inputs.length - 1], to: 0 }, { pass: 1_500 }, { known: 's2' }]
}

/** A recomputation, of everything where asked: with a checkpoint it is lost from when on the rules are others. */
function recomputing(random: Random, ofEverything: boolean): Recomputing {
  const zone = random.pick(['UTC', 'Asia/Taipei', 'America/New_York'])
  const change = random.chance(0.8) ? { zone, inactivityMs: random.pick([20_000, 60_000, 200_000]) } : null
  const isWhole = ofEverything || change === null || random.chance(0.5)
  const troubles = Array.from({ length: random.int(0, 4) }, () => {
    const place = random.pick(['log', 'checkpoint', 'documents', 'documents'] as const)
    return { place, trouble: random.pick(TROUBLES), nth: random.int(1, 30) }
  })
  return {
    from: isWhole ? 0 : NOON - random.pick([-20_000, 30_000, 9 * HOUR, 15 * HOUR]),
    visitors: isWhole || random.chance(0.5) ? null : ['v0', 'v2'].slice(random.int(0, 1)),
    deaths: random.chance(0.5) ? [deathOf(random, ofEverything ? OF.adoptingAnew : OF.recomputation)] : [],
    ...{ change, troubles, spoils: isWhole && random.chance(0.5) },
  }
}

function disturbance(random: Random, processes: number): Step[] {
  const of = random.int(0, processes - 1)
  const dying = (points: readonly Point[]): Step => ({ dieAt: deathOf(random, points), of })
  const later = { pass: random.pick([10, 500, 7_000]) }
  return random.pick<() => Step[]>([
    () => arming(random, of),
    () => arming(random, of),
    () => arming(random, of),
    () => [dying(OFTEN)],
    () => [dying(OFTEN)],
    () => [dying(OFTEN), dying(OFTEN)],
    () => [dying(SELDOM), dying(OFTEN)],
    () => [dying(SELDOM)],
    () => [dying(OF.claim), { killShard: random.int(0, 1), of }],
    () => [dying(OF.trimming), { trim: 100 }],
    () => [{ kill: of }, later, { start: of }],
    () => [{ kill: of }, { start: of }],
    () => [{ killShard: random.int(0, 1), of }],
    () => [{ stop: of }, later, { start: of }],
    () => [{ freeze: of }, { pass: random.pick([200, 4_000, 12_000]) }, { thaw: of }],
    () => [{ outage: random.pick(PLACES), ms: random.pick([300, 4_000, 15_000]) }],
    () => [{ full: random.pick(DISKS), ms: random.pick([300, 4_000, 15_000]) }],
    () => [{ skew: random.pick([-3_000, 3_000, HOUR, -HOUR]), of }, later, { skew: 0, of }],
    () => [{ loseTail: random.int(0, 1), entries: random.int(1, 3) }],
    () => [{ trim: random.pick([100, 5_000, 30_000]) }],
    () => [{ flush: true }],
  ])()
}

const ARMED = ['log', 'checkpoint', 'checkpoint', 'documents', 'documents', 'lease', 'service', 'live'] as const

const deathOf = (random: Random, points: readonly Point[]): Death => ({
  ...{ point: random.pick(points), nth: random.pick([1, 1, 1, 2, 3]) },
})

const arming = (random: Random, of: number): Step[] => {
  const place = random.pick(ARMED)
  const troubles: readonly Trouble[] = place === 'service' ? [...TROUBLES, 'refused'] : TROUBLES
  return [{ arm: place, trouble: random.pick(troubles), nth: random.int(1, 8), of }]
}
