import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Point } from '../../src/observe/steps.ts'
import { type FakeFirebase, startFakeFirebase } from '../support/fake-firebase.ts'
import { type FakePusher, startFakePusher } from '../support/fake-pusher.ts'
import {
  type Body,
  backends,
  type Env,
  inParallel,
  type Server,
  startServer,
  temporaryDirectory,
} from '../support/server.ts'

const preloads = ['to-fake-firebase.ts', 'killed-at-step.ts'].map(
  file => `--import=${new URL(`../support/${file}`, import.meta.url).href}`,
)
const STREAMERS = Array.from({ length: 6 }, (_, n) => `sam-${n}`)

let pusher: FakePusher
let firebase: FakeFirebase
let server: Server

const environment = (more: Env = {}): Env => ({
  ...{ PUSHER_APP_ID: pusher.settings.appId, PUSHER_KEY: pusher.settings.key, PUSHER_SECRET: pusher.settings.secret },
  ...{ PUSHER_HOST: pusher.host, PUSHER_PORT: String(pusher.port), PUSHER_TLS: 'false' },
  ...firebase.env,
  ...{ FAKE_FIREBASE_PORT: String(firebase.port), NODE_OPTIONS: preloads.join(' '), ROLLCALL_FLUSH_MS: '50' },
  ...more,
})

beforeEach(async () => {
  pusher = await startFakePusher()
  firebase = await startFakeFirebase()
})
afterEach(async () => {
  await server.stop()
  await pusher.close()
  await firebase.close()
})

/** Effects of streamers by id, when none waits any more. */
async function settledEffects(): Promise<Map<string, Body>> {
  const all = async (state: string): Promise<Body[]> =>
    (await server.get(`/effects?limit=1000&state=${state}`)).body.effects.filter(
      (each: Body) => each.actor !== 'feed/global',
    )
  await vi.waitFor(async () => expect(await all('waiting')).toEqual([]), { timeout: 30_000, interval: 50 })
  const { body } = await server.get('/effects?limit=1000')
  const own = body.effects.filter(({ actor }: Body) => actor.startsWith('streamer-session/'))
  return new Map(own.map((effect: Body) => [effect.id, effect]))
}

const seen = () => [
  ...pusher.events.map(({ data }) => String(data.id)),
  ...firebase.messages.map(({ data }) => data.effectId!),
  ...backends.heard(),
]

/** Streamers go online and live, by a client that repeats what was not answered; the server comes back when it dies. */
async function evening(): Promise<void> {
  for (const userId of STREAMERS) {
    await server.put(`/users/${userId}/followers/fan`)
  }
  await server.put('/users/fan/registrations/phone', { kind: 'fid', value: 'phone' })
  await inParallel(STREAMERS.length, STREAMERS, async userId => {
    const { body } = await server.deliver('/sessions', { userId })
    await server.deliver(`/sessions/${body.id}/preset`, { preset: 'sd' })
  })
}

const POINTS: Point[] = ['before checkpoint', 'before documents', 'after documents', 'before account', 'before mark']

describe.each(POINTS)('a process that is killed %s', point => {
  test.each(
    backends.areServers ? [1] : [1, 3],
  )('for the %i. time asks for the same effects as one that was not, and loses none', async after => {
    const data = temporaryDirectory()
    server = await startServer(environment({ DIE_AT: point, DIE_AFTER: String(after) }), data)
    const died = server.ended().then(() => server.restart({ DIE_AT: '' }))
    await evening()
    await died
    const effects = await settledEffects()

    const sent = [...effects.values()].filter(({ state }) => state === 'sent').map(({ id }) => id)
    expect(sent.length).toBeGreaterThanOrEqual(3 * STREAMERS.length)
    expect(sent.filter(id => !seen().includes(id))).toEqual([])

    await server.stop()
    const clean = temporaryDirectory()
    await backends.copyLog(data, clean)
    server = await startServer(environment(), clean)
    const again = await settledEffects()
    expect([...effects.keys()].sort()).toEqual([...again.keys()].sort())
  })
})
