import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { SignJWT } from 'jose'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startFakeFirebase } from '../support/fake-firebase.ts'
import { startFakePusher } from '../support/fake-pusher.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { freePort, type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Env, ended, inParallel, rollcall, startServer, temporaryDirectory } from '../support/server.ts'

const PRELOAD = new URL('../support/to-fake-firebase.ts', import.meta.url).href
/** Nobody listens here. */
const NOWHERE = '127.0.0.1:1'
const COMMANDS = ['serve', 'doctor', 'repair']

/** A word with all that has to be encoded in a URL. */
const secretOf = (name: string): string => `${name}@${randomUUID()}/%:#?`
const encoded = encodeURIComponent

/** Which of the words stand in the text, also as a URL or a header holds them. */
const told = (text: string, words: string[]): string[] =>
  words.filter(word => [word, encoded(word), encodeURI(word), btoa(word)].some(form => text.includes(form)))

/** All that a command says that ends with 1, or with 2 where it was misused. */
async function said(command: string[], env: Env): Promise<string> {
  const data = temporaryDirectory()
  const ran = await ended(rollcall(command, { ROLLCALL_PORT: '0', ROLLCALL_SHARDS: '1', ROLLCALL_DATA: data, ...env }))
  expect([1, 2]).toContain(ran.code)
  return ran.stdout + ran.stderr
}

describe('an address that is no use is not told with its password', () => {
  const word = `word-${randomUUID()}`
  const addresses: [variable: string, address: string][] = [
    ['ROLLCALL_NATS_URL', `nats://user:${word}`],
    ['ROLLCALL_NATS_URL', `nats://user:${word}%zz@${NOWHERE}`],
    ['ROLLCALL_NATS_URL', `nats://user:x/${word}@${NOWHERE}`],
    ['ROLLCALL_NATS_URL', `nats://user:x,${word}@${NOWHERE}`],
    ['ROLLCALL_NATS_URL', `http://user:${word}@${NOWHERE}`],
    ['ROLLCALL_NATS_URL', `nats://user:${word}@${NOWHERE},${word}@${NOWHERE}`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}/database`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:x/${word}@${NOWHERE}`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}@x@${NOWHERE}`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}@${NOWHERE}/?nonsense=1`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}@${NOWHERE}/?tlsCertificateKeyFilePassword=${word}`],
    ['ROLLCALL_MONGODB_URL', `mongodb://user:${word}@${NOWHERE}`],
    ['ROLLCALL_MONGODB_URL', `mongo://user:${word}@${NOWHERE}`],
    ['ROLLCALL_REDIS_URL', `redis://:${word}`],
    ['ROLLCALL_REDIS_URL', `redis://:${word}@127.0.0.1:99999`],
    ['ROLLCALL_REDIS_URL', `:${word}@${NOWHERE}`],
    ['ROLLCALL_AUTH_JWKS_URL', `ftp://user:${word}@${NOWHERE}`],
    ['FIREBASE_PRIVATE_KEY', word],
  ]

  test.each(COMMANDS)('by %s', async command => {
    await inParallel(2, addresses, async ([variable, address]) => {
      // Repair of an embedded Rollcall has nothing to do with Redis.
      if (command === 'repair' && variable === 'ROLLCALL_REDIS_URL' && address.includes('redis')) return
      const text = await said([command], { [variable]: address })
      expect([variable, told(text, [word])]).toEqual([variable, []])
    })
  })

  test.each(['replay', 'simulate'])('by %s, which is given it as a flag', async command => {
    const file = join(temporaryDirectory(), 'events.ndjson')
    writeFileSync(file, JSON.stringify({ sessionId: 'visitor', ts: Date.now(), page: '/' }))
    const more = command === 'replay' ? [file, '--retry', '0'] : []
    for (const address of [`http://user:${word}@${NOWHERE}`, `user:${word}@${NOWHERE}`]) {
      expect(told(await said([command, ...more, '--url', address], {}), [word])).toEqual([])
    }
  })
})

const mongodb = mongodbServer()
const isHere = mongodb !== null && natsServerBinary() !== null && redisServerBinary() !== null

describe.skipIf(!isHere)('where servers want credentials', () => {
  const user = `rollcall-${randomUUID()}`
  const right = { nats: secretOf('nats'), mongodb: secretOf('mongodb'), redis: secretOf('redis') }
  const wrong = { nats: secretOf('no-nats'), mongodb: secretOf('no-mongodb'), redis: secretOf('no-redis') }
  let nats: NatsServer
  let redis: RedisServer
  let admin: MongoClient

  const natsWith = (port: number, password: string): Promise<NatsServer> =>
    startNatsServer({
      ...{ port, credentials: `user:${encoded(password)}` },
      config: `authorization { user: user, password: '${password}' }`,
    })
  const mongodbUrl = (name: string, password: string): string =>
    `${mongodb!.freshUrl().replace('//', `//${name}:${encoded(password)}@`)}&authSource=admin`
  const redisUrl = (password: string): string => redis.url.replace('//', `//:${encoded(password)}@`)

  beforeAll(async () => {
    nats = await natsWith(await freePort(), right.nats)
    redis = await RedisServer.start(redisServerBinary()!)
    await redis.raw.config('SET', 'requirepass', right.redis)
    admin = new MongoClient(mongodb!.freshUrl())
    const roles = ['clusterAdmin', 'readWriteAnyDatabase'].map(role => ({ role, db: 'admin' }))
    await admin.db('admin').command({ createUser: user, pwd: right.mongodb, roles })
  })
  afterAll(async () => {
    await admin.close()
    await redis.stop()
  })

  const refused: [name: string, env: () => Env, words: string[], why: RegExp][] = [
    [
      'a password of NATS',
      () => ({ ROLLCALL_NATS_URL: nats.url.replace(encoded(right.nats), encoded(wrong.nats)) }),
      [wrong.nats],
      /refuses the credentials/,
    ],
    [
      'a token of NATS',
      () => ({ ROLLCALL_NATS_URL: nats.url.replace(/\/\/.*@/, `//${encoded(wrong.nats)}@`) }),
      [wrong.nats],
      /refuses the credentials/,
    ],
    [
      'a password of MongoDB',
      () => ({ ROLLCALL_MONGODB_URL: mongodbUrl('nobody', wrong.mongodb) }),
      [wrong.mongodb],
      /Authentication failed/,
    ],
  ]
  test.each(refused)('%s that is refused is not told', async (_, env, words, why) => {
    for (const command of COMMANDS) {
      const text = await said([command], env())
      expect([command, told(text, words), text]).toEqual([command, [], expect.stringMatching(why)])
    }
  })

  test('a password of Redis that is refused is not told', async () => {
    const text = await said(['doctor'], { ROLLCALL_REDIS_URL: redisUrl(wrong.redis) })
    expect([told(text, [wrong.redis]), text]).toEqual([[], expect.stringContaining('WRONGPASS')])
  })

  test('a server tells none, whatever becomes of those it depends on', async () => {
    const [pusher, firebase] = [await startFakePusher(), await startFakeFirebase()]
    firebase.answerToken(() => ({ status: 500, body: 'no' }))
    const [auth, channels] = [secretOf('auth'), secretOf('channels')]
    const server = await startServer({
      ...{ ROLLCALL_NATS_URL: nats.url, ROLLCALL_REDIS_URL: redisUrl(right.redis) },
      ...{ ROLLCALL_MONGODB_URL: mongodbUrl(user, right.mongodb), ROLLCALL_AUTH_SECRET: auth },
      ...{ PUSHER_APP_ID: pusher.settings.appId, PUSHER_KEY: pusher.settings.key, PUSHER_SECRET: channels },
      ...{ PUSHER_TLS: 'false' },
      ...{ PUSHER_HOST: pusher.host, PUSHER_PORT: String(pusher.port) },
      ...{ ...firebase.env, FAKE_FIREBASE_PORT: String(firebase.port), NODE_OPTIONS: `--import=${PRELOAD}` },
      ...{ ROLLCALL_FLUSH_MS: '50', ROLLCALL_TAKE_OVER_MS: '2000', ROLLCALL_LOG_LEVEL: 'trace' },
    })
    const tokens = await Promise.all(
      [{ sub: 'sam' }, { scope: 'operator' }, { sub: 'sam', exp: 1 }].map(claims =>
        new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 600, ...claims })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new TextEncoder().encode(auth)),
      ),
    )
    const ask = async (token: string, method: string, path: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      return server.request(method, path, body === undefined ? undefined : JSON.stringify(body), headers)
    }
    /** Everybody asks for something, whether or not it can be answered. */
    const useAll = () =>
      Promise.allSettled(
        [...tokens, `${tokens[0]}x`].flatMap(token => [
          ask(token, 'POST', '/sessions', { userId: 'sam' }),
          ask(token, 'POST', '/heartbeats', { userId: 'sam', path: '/' }),
          ask(token, 'GET', '/sessions'),
          ask(token, 'GET', `/parked?token=${token}`),
          ask(token, 'POST', '/pusher/auth', { socket_id: '1.2', channel_name: 'private-user@sam' }),
        ]),
      )
    const untilTold = (text: RegExp) =>
      vi.waitFor(
        async () => {
          await useAll()
          expect(text.test(server.output), String(text)).toBe(true)
        },
        { timeout: 30_000, interval: 100 },
      )
    const phone = { kind: 'fid', value: 'phone' }
    expect((await ask(tokens[1]!, 'PUT', '/users/sam/followers/fan', {})).status).toBe(200)
    expect((await ask(tokens[1]!, 'PUT', '/users/fan/registrations/phone', phone)).status).toBe(200)
    await untilTold(/Pusher answers 401/)
    await untilTold(/access token/)

    expect(server.output).not.toContain('Redis: ')
    await redis.kill()
    // Each connection says why once, and which error it meets first is chance.
    await untilTold(/Redis: /)
    await redis.up()
    // The connections are of the process, of its two threads, and of the test.
    const clients = async () => String(await redis.raw.client('LIST')).match(/^id=/gm)?.length
    await vi.waitFor(async () => expect(await clients()).toBe(4), { timeout: 30_000 })
    await redis.raw.config('SET', 'requirepass', wrong.redis)
    await redis.raw.call('CLIENT', 'KILL', 'TYPE', 'normal')
    await untilTold(/WRONGPASS/)

    await mongodb!.kill()
    await untilTold(/RC_STORE_UNAVAILABLE/)
    await mongodb!.restart()
    await admin.db('admin').command({ dropUser: user })
    await mongodb!.kill()
    await mongodb!.restart()
    await untilTold(/Authentication failed/)

    const { port } = new URL(nats.url)
    await nats.kill()
    await untilTold(/RC_LOG_UNAVAILABLE/)
    nats.discard()
    nats = await natsWith(Number(port), wrong.nats)
    await (await jetstreamManager(await nats.connect())).getAccountInfo()
    await useAll()
    // However it ends: MongoDB takes nothing of it any more.
    await server.stop().catch(() => {})

    const words = [...Object.values(right), ...Object.values(wrong), auth, channels, pusher.settings.key, ...tokens]
    const key = firebase.env.FIREBASE_PRIVATE_KEY.split('\n')[1]!
    expect(told(server.output, [...words, key, 'Bearer'])).toEqual([])
    await Promise.all([pusher.close(), firebase.close()])
  }, 180_000)
})
