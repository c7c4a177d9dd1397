import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openJetStreamLog } from '../../src/log/jetstream/index.ts'
import { event } from '../support/entries.ts'
import type { Heartbeat } from '../support/heartbeat-oracle.ts'
import { expectAll, load, type Sent, send } from '../support/load.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import {
  type Body,
  type Env,
  ended,
  inParallel,
  type Ran,
  rollcall,
  type Server,
  startServer,
} from '../support/server.ts'

const PARTITIONS = 4
const ALL = Array.from({ length: PARTITIONS }, (_, p) => p)

const mongodb = mongodbServer()

describe.skipIf(mongodb === null || natsServerBinary() === null)('under load, a running server', () => {
  let nats: NatsServer
  let env: Env
  let server: Server
  let connection: NatsConnection | undefined

  beforeEach(async () => {
    nats = await startNatsServer()
    env = {
      ...{ ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() },
      ...{ ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_FLUSH_MS: '50', ROLLCALL_TAKE_OVER_MS: '1500' },
    }
  })
  afterEach(async () => {
    await server.kill().catch(() => {})
    await connection?.close()
    connection = undefined
    await nats.stop()
  })

  const streams = async (): Promise<JetStreamManager['streams']> => {
    connection ??= await nats.connect()
    return (await jetstreamManager(connection)).streams
  }
  const run = (command: string, ...flags: string[]): Promise<Ran> => ended(rollcall([command, ...flags], env))
  const stopped = async (): Promise<Body[]> => (await server.get('/readyz')).body.stopped
  const untilAllStop = (code: string) =>
    vi.waitFor(async () => expect((await stopped()).map(each => each.stopped.code)).toEqual(ALL.map(() => code)), {
      timeout: 30_000,
      interval: 50,
    })
  const refusal = async (): Promise<[number, string]> => {
    const { status, body } = await server.post('/heartbeats', { userId: 'x', path: '/' })
    return [status, body.code]
  }

  const matches = (text: string, part: string): number => text.split(part).length - 1
  const lateBeats = (): Heartbeat[] =>
    Array.from({ length: 1_000 }, (_, i) => ({ userId: `late-${i}`, path: '/', at: Date.now() }))
  const requestsOf = (beats: Heartbeat[]): Sent[] => beats.map(body => ({ path: '/heartbeats', body }))

  /** Sends until `end` resolves, each until it is accepted. Answers what was, and counts. */
  async function sendUntil(end: Promise<unknown>, requests: Sent[], counts: () => boolean): Promise<Set<unknown>> {
    const acknowledged = new Set<unknown>()
    let isOver = false
    const over = end.finally(() => {
      isOver = true
    })
    const sending = inParallel(4, requests, async ({ path, body }) => {
      while (!isOver) {
        const { status } = await server.post(path, body)
        if (status === 202 && counts()) acknowledged.add(body)
        if (status === 202) return
      }
    })
    await Promise.all([over, sending])
    return acknowledged
  }

  /** Has taken and applied all requests, half of them after a copy of the log was made. */
  async function loadedSinceCopy() {
    server = await startServer(env)
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    await nats.keep()
    await send(requests.slice(half), server)
    await server.get('/viewers', { after: true })
    return { beats, requests }
  }

  test('refuses what is sent for a log that was put back from an older copy', { timeout: 120_000 }, async () => {
    const { beats, requests } = await loadedSinceCopy()

    const late = lateBeats()
    let isBack = false
    const lost = nats.putBack().then(() => {
      isBack = true
      return untilAllStop('RC_LOG_BEHIND')
    })
    const acknowledged = await sendUntil(lost, requestsOf(late), () => isBack)
    expect(await refusal()).toEqual([503, 'RC_LOG_BEHIND'])
    await server.stop()
    const rest = requestsOf(late).filter(({ body }) => !acknowledged.has(body))
    await expectRepair('RC_LOG_BEHIND', [], [...requests, ...rest], [...beats, ...late])
  })

  test('and the one beside it refuse what is sent, though only one of them saw what was lost', {
    timeout: 120_000,
  }, async () => {
    server = await startServer(env)
    const other = await startServer(env)
    const beats = (from: number) => Array.from({ length: 200 }, (_, i) => ({ userId: `u${from + i}`, path: '/' }))
    expect((await other.post('/heartbeats', beats(0))).status).toBe(202)
    await nats.keep()
    for (let n = 1; n < 10; n++) expect((await server.post('/heartbeats', beats(200 * n))).status).toBe(202)
    // The bridge hears every second how far the owner is; by this it knows at once.
    await other.get('/viewers', { headers: { 'rollcall-after': server.positions } })
    await nats.putBack()
    const answers = []
    for (let n = 0; n < 5; n++) answers.push(await other.post('/heartbeats', beats(10_000 + 200 * n)))
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(5).fill([503, 'RC_LOG_BEHIND']))
    await untilAllStop('RC_LOG_BEHIND')
    await other.stop()
  })

  test('does not take entries that came in the place of lost ones for those it applied', {
    timeout: 120_000,
  }, async () => {
    const { beats, requests } = await loadedSinceCopy()
    await server.kill()
    await nats.putBack()
    const log = await openJetStreamLog({ url: nats.url, partitions: PARTITIONS, settings: {} })
    const replaced = Array.from({ length: 500 }, (_, i) => log.append(i % PARTITIONS, [event(`other-${i}`)]))
    for (const each of replaced) await each
    for (const p of ALL) for (let n = 0; n < 300; n++) await log.append(p, [event(`more-${n}`)])
    await log.close()

    await server.start()
    await untilAllStop('RC_LOG_BEHIND')
    expect(await refusal()).toEqual([503, 'RC_LOG_BEHIND'])
    await server.stop()
    const { stdout } = await run('repair')
    expect([matches(stdout, '"repaired":false'), matches(stdout, 'may be in no checkpoint')]).toEqual([
      PARTITIONS,
      PARTITIONS,
    ])
    await expectRepair('RC_LOG_BEHIND', ['--accept-loss'], requests, beats)
  })

  /** Doctor names the code in every partition; after the repair all that is sent again is there once. */
  async function expectRepair(code: string, flags: string[], sentAgain: Sent[], beats: Heartbeat[]): Promise<void> {
    const doctor = await run('doctor')
    expect([doctor.code, matches(doctor.stdout, `${code}: the cut is`)]).toEqual([1, PARTITIONS])
    const repair = await run('repair', ...flags)
    expect([repair.code, matches(repair.stdout, '"repaired":true')]).toEqual([0, PARTITIONS])
    await server.start()
    expect((await server.get('/readyz')).status).toBe(200)
    await send(sentAgain, server)
    await expectAll(beats, server)
    await server.stop()
  }

  const purge = async (): Promise<void> => {
    const all = await streams()
    for (const p of ALL) await all.purge(`ROLLCALL_${p}`)
  }

  test('is refused entries that were purged before they were in the checkpoint, until their loss is accepted', {
    timeout: 120_000,
  }, async () => {
    server = await startServer({ ...env, ROLLCALL_FLUSH_MS: '60000' })
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    await server.get('/viewers', { after: true })
    await send(requests.slice(half), server)
    await server.kill()
    await purge()
    await server.start()
    await untilAllStop('RC_LOG_TRUNCATED')
    expect(await refusal()).toEqual([503, 'RC_LOG_TRUNCATED'])
    await server.stop()
    const refused = await run('repair')
    expect([refused.code, matches(refused.stdout, 'are gone from the log')]).toEqual([1, PARTITIONS])
    await expectRepair('RC_LOG_TRUNCATED', ['--accept-loss'], requests, beats)
  })

  test('stops where entries are purged that it has not read yet, and passes over nothing it accepts', {
    timeout: 120_000,
  }, async () => {
    server = await startServer(env)
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    process.kill(server.pid, 'SIGSTOP')
    const other = await openJetStreamLog({ url: nats.url, partitions: PARTITIONS, settings: {} })
    // More than it has asked for: those are on their way already.
    for (const p of ALL) for (let n = 0; n < 99; n++) await other.append(p, [event(`e${n}`, { kind: 'of nobody' })])
    await other.close()
    await purge()
    process.kill(server.pid, 'SIGCONT')
    const late = lateBeats()
    const acknowledged = await sendUntil(untilAllStop('RC_LOG_TRUNCATED'), requestsOf(late), () => true)
    expect(await refusal()).toEqual([503, 'RC_LOG_TRUNCATED'])
    await server.stop()
    const rest = requestsOf(late).filter(({ body }) => !acknowledged.has(body))
    await expectRepair('RC_LOG_TRUNCATED', ['--accept-loss'], [...requests, ...rest], [...beats, ...late])
  })

  test('acknowledges nothing for streams that were made anew under it', { timeout: 120_000 }, async () => {
    server = await startServer(env)
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    await server.get('/viewers', { after: true })
    const all = await streams()
    for (const p of ALL) {
      const { config } = await all.info(`ROLLCALL_${p}`)
      await all.delete(`ROLLCALL_${p}`)
      await all.add(config)
    }
    const late = lateBeats()
    const acknowledged = await sendUntil(untilAllStop('RC_LOG_BEHIND'), requestsOf(late), () => true)
    expect(acknowledged.size).toBe(0)
    await server.stop()
    await expectRepair('RC_LOG_BEHIND', [], [...requests, ...requestsOf(late)], [...beats, ...late])
  })
})
