import { natsServerBinary, startNatsServer } from '../test/support/nats-server.ts'
import { beatsOf } from './committed/mix.ts'
import { interpreted } from './committed/rounds.ts'
import { cpuOf, median, ROUNDS, rollcall, say, skip, thousands } from './measure.ts'

/**
 * CPU of Rollcall (nats-server has its own) for heartbeats that come over NATS in arrays of 100, until they are committed
 * and readable, against the same beats sent to interpreted XState actors in memory.
 */
const CLAIM = 'NATS, batches of 100 to committed, CPU of Rollcall'
const USERS = 10_000
const BEATS = Number(process.env.BENCH_BEATS ?? 240)
const BATCH = 100
/** Batches that are not answered yet. */
const UNDER_WAY = 32

async function overNats(): Promise<number> {
  const nats = await startNatsServer()
  const server = await rollcall({ ROLLCALL_NATS_URL: nats.url })
  const connection = await nats.connect(30_000)
  const batches: string[] = []
  let batch: unknown[] = []
  for (const { key, at, path, country, groups } of beatsOf({ users: USERS, beats: BEATS, entry: 1 }, Date.now())) {
    batch.push({ userId: key, at, path, country, groups })
    if (batch.length < BATCH) continue
    batches.push(JSON.stringify(batch))
    batch = []
  }
  while (!(await fetch(`${server.url}/readyz`)).ok);
  const before = cpuOf(server.pid)
  const positions = new Map<string, number>()
  let next = 0
  const sender = async (): Promise<void> => {
    while (next < batches.length) {
      const answer = await connection.request('heartbeats._', batches[next++]!, { timeout: 30_000 })
      const { accepted, position } = answer.json<{ accepted: number; position: string }>()
      if (accepted !== BATCH) throw new Error(`a batch was answered ${answer.string()}`)
      for (const each of position.split(',')) {
        const [partition, seq] = each.split('-') as [string, string]
        positions.set(partition, Math.max(positions.get(partition) ?? 0, Number(seq)))
      }
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, sender))
  const after = [...positions].map(([partition, seq]) => `${partition}-${seq}`).join(',')
  let status = 0
  for (const until = performance.now() + 120_000; status !== 200 && performance.now() < until; )
    status = (await fetch(`${server.url}/viewers`, { headers: { 'rollcall-after': after } })).status
  if (status !== 200) throw new Error(`what was sent is not readable: ${status}`)
  const cpu = cpuOf(server.pid) - before
  await connection.close()
  await server.stop()
  await nats.stop()
  return cpu / (USERS * BEATS)
}

// In CI a nats-server that is missing is an error, which this function throws.
if (natsServerBinary() === null) {
  skip(CLAIM, 'no nats-server on the PATH or in ROLLCALL_TEST_NATS_SERVER')
} else {
  const rounds: { xstate: number; rollcall: number }[] = []
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ xstate: await interpreted(USERS, BEATS), rollcall: await overNats() })
  const [xstate, cpu] = (['xstate', 'rollcall'] as const).map(name => median(rounds.map(round => round[name])))
  say({
    claim: CLAIM,
    against: 'interpreted XState in memory',
    ratio: median(rounds.map(({ rollcall, xstate }) => xstate / rollcall)),
    method: `${thousands(USERS)} users, ${BEATS} beats each, ${ROUNDS} rounds: ${cpu!.toFixed(2)} / ${xstate!.toFixed(2)} µs`,
  })
}
