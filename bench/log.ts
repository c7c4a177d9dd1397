import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Event } from '../actors/event.ts'
import { openLog } from '../src/log/embedded/writer.ts'
import type { EventLog } from '../src/log/index.ts'
import { openJetStreamLog } from '../src/log/jetstream/index.ts'
import { natsServerBinary, startNatsServer } from '../test/support/nats-server.ts'
import { median, ROUNDS, say, skip, thousands } from './measure.ts'

/** Durable events a second and the time of one append, in JetStream (every message synced to disk) against the embedded log. */
const PARTITIONS = 16
const ROUND_MS = Number(process.env.BENCH_MS ?? 1_000)

const heartbeat = (n: number): Event => ({
  ...{ kind: 'heartbeat', key: `user-${n % 5_000}`, id: `${1_700_000_000_000 + n}`, at: 1_700_000_000_000 + n },
  ...{ arrival: 1_700_000_000_020 + n, path: `/sessions/65a1b2c3d4e5f6a7b8c9d0e${n % 10}`, country: 'tw' },
})

interface Way {
  name: string
  /** events of one append */
  burst: number
  /** who append one after the other, each waiting for its own */
  appenders: number
}

const WAYS: Way[] = [
  { name: 'single events, one appender', burst: 1, appenders: 1 },
  { name: 'single events, 1,000 appenders', burst: 1, appenders: 1_000 },
  { name: 'bursts of 256, one appender', burst: 256, appenders: 1 },
  { name: 'bursts of 256, 64 appenders', burst: 256, appenders: 64 },
]

interface Measured {
  perSecond: number
  ms: number
}

async function measure(log: EventLog, { burst, appenders }: Way): Promise<Measured> {
  const events = Array.from({ length: burst }, (_, n) => heartbeat(n))
  const times: number[] = []
  const started = performance.now()
  const append = async (appender: number): Promise<void> => {
    for (let n = appender; performance.now() < started + ROUND_MS; n++) {
      const from = performance.now()
      await log.append(n % PARTITIONS, events)
      times.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: appenders }, (_, appender) => append(appender)))
  const seconds = (performance.now() - started) / 1_000
  return { perSecond: (times.length * burst) / seconds, ms: median(times) }
}

if (natsServerBinary() === null) {
  skip('append to JetStream', 'no nats-server on the PATH or in ROLLCALL_TEST_NATS_SERVER')
} else {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const server = await startNatsServer()
  const logs = {
    embedded: await openLog(folder, PARTITIONS, {}),
    jetstream: await openJetStreamLog({ url: server.url, partitions: PARTITIONS, settings: {} }),
  }
  for (const way of WAYS) {
    const rounds: Record<keyof typeof logs, Measured[]> = { embedded: [], jetstream: [] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of ['embedded', 'jetstream'] as const) rounds[name].push(await measure(logs[name], way))
    }
    const of = (name: keyof typeof logs): string => {
      const [perSecond, ms] = (['perSecond', 'ms'] as const).map(what => median(rounds[name].map(each => each[what])))
      return `${thousands(perSecond!)}/s, ${ms!.toFixed(1)} ms`
    }
    say({
      claim: `append, ${way.name}`,
      against: 'embedded log',
      ratio: median(rounds.jetstream.map(({ perSecond }, i) => perSecond / rounds.embedded[i]!.perSecond)),
      method: `JetStream, each message synced, ${ROUNDS} rounds: ${of('jetstream')} / ${of('embedded')}`,
    })
  }
  for (const log of Object.values(logs)) await log.close()
  await server.stop()
  rmSync(folder, { recursive: true })
}
