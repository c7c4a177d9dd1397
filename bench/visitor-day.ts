import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { cpuOf, quantile, rollcall, say } from './measure.ts'

/**
 * A visitor with as many events as a day holds, sent shuffled and all at once, while others send heartbeats; then what a
 * single event of such a day costs the server, at its end and at its beginning, until it is readable, against the same of
 * a visitor who has nothing else.
 */
const EVENTS = 20_000
const BATCH = 500
const BEATS_PER_SECOND = 50
const SINGLES = 100
const DAY_MS = 86_400_000
const START = Date.UTC(2026, 0, 1)
const JSON_TYPE = { 'content-type': 'application/json' }

const server = isMainThread ? await rollcall() : null
const url: string = server?.url ?? workerData

const event = (sessionId: string, id: string, ts: number) => ({ id, sessionId, ts, page: `/${ts % 7}` })

/** Sends records, and answers with the position they got. */
async function send(path: string, records: object): Promise<string> {
  const answer = await fetch(url + path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(records) })
  await answer.arrayBuffer()
  if (answer.status !== 202) throw new Error(`${path} was answered ${answer.status}`)
  return answer.headers.get('rollcall-position')!
}

/** Resolves when what has this position is readable. */
async function readable(position: string): Promise<void> {
  const answer = await fetch(`${url}/viewers`, { headers: { 'rollcall-after': position } })
  await answer.arrayBuffer()
  if (answer.status !== 200) throw new Error(`the viewers were answered ${answer.status}`)
}

/** The whole day at once; ms until all of it is readable. */
async function wholeDay(visitor: string, count = EVENTS): Promise<number> {
  // 7,919 has no divisor in common with the number of events, so that each comes once, far from those beside it.
  const shuffled = Array.from({ length: EVENTS }, (_, i) => (i * 7_919) % EVENTS).filter(place => place < count)
  const events = shuffled.map(place => event(visitor, `e${place}`, START + 1_000_000 + place * 2_000))
  const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, n) => events.slice(n * BATCH, (n + 1) * BATCH))
  const began = performance.now()
  const positions = await Promise.all(batches.map(batch => send('/events', batch)))
  await readable(positions.toSorted((a, b) => Number(a.split('-')[1]) - Number(b.split('-')[1])).at(-1)!)
  return performance.now() - began
}

async function beats(signal: AbortSignal): Promise<number[]> {
  const took: Promise<number>[] = []
  const began = performance.now()
  for (let n = 0; !signal.aborted; await pause(5)) {
    for (const due = ((performance.now() - began) / 1_000) * BEATS_PER_SECOND; n < due; n++) {
      const sent = performance.now()
      took.push(
        send('/heartbeats', { userId: `viewer-${n % 500}`, path: '/live/s1' }).then(() => performance.now() - sent),
      )
    }
  }
  return Promise.all(took)
}

/** CPU of one event after another, each waited for until it is readable, in ms an event. */
async function singles(visitor: string, tsOf: (n: number) => number): Promise<number> {
  const before = cpuOf(server!.pid)
  for (let n = 0; n < SINGLES; n++) await readable(await send('/events', event(visitor, `s${tsOf(n)}`, tsOf(n))))
  return (cpuOf(server!.pid) - before) / SINGLES / 1_000
}

async function inAnotherThread(visitor: string): Promise<number> {
  const sender = new Worker(new URL(import.meta.url), { workerData: url })
  await once(sender, 'online')
  sender.postMessage(visitor)
  const [ms] = (await once(sender, 'message')) as [number]
  await sender.terminate()
  return ms
}

async function measured(): Promise<void> {
  await beats(AbortSignal.timeout(2_000))
  const calm = await beats(AbortSignal.timeout(3_000))
  const stop = new AbortController()
  const during = beats(stop.signal)
  const days: number[] = []
  for (let n = 1; n <= 3; n++) days.push(await inAnotherThread(`victim-${n}`))
  stop.abort()
  const [before, meanwhile] = [quantile(calm, 0.99), quantile(await during, 0.99)]
  say({
    claim: "beats of others during a visitor's day, p99",
    against: 'the same before',
    ratio: before / meanwhile,
    method: `${EVENTS} events shuffled, readable after ${days.map(ms => ms.toFixed(0)).join(', ')} ms: ${before.toFixed(1)} → ${meanwhile.toFixed(1)} ms`,
  })
  await singles('anybody', n => START + n * 1_000)
  const alone = await singles('nobody', n => START + n * 1_000)
  await wholeDay('longest', EVENTS - 2 * SINGLES)
  const last = await singles('longest', n => START + DAY_MS / 2 + n * 1_000)
  const first = await singles('longest', n => START + n * 1_000)
  const rows = [
    ['end', last],
    ['beginning', first],
  ] as const
  for (const [place, ms] of rows)
    say({
      claim: `an event at the ${place} of a full day, CPU`,
      against: 'a visitor without others',
      ratio: alone / ms,
      method: `until readable, ${SINGLES} events: ${alone.toFixed(1)} → ${ms.toFixed(1)} ms`,
    })
}

if (server) {
  await measured()
  await server.stop()
} else {
  const [visitor] = (await once(parentPort!, 'message')) as [string]
  parentPort!.postMessage(await wholeDay(visitor))
}
