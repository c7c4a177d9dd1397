import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { planEvening, type Slot } from '../src/cli/evening/evening.ts'
import { sendEvening } from '../src/cli/evening/send.ts'
import type { PlannedStream } from '../src/cli/evening/streams.ts'
import { Server } from '../src/cli/replay/server.ts'
import { FakePlatform } from './support/fake-platform.ts'
import { FakeRollcall, PatientTime } from './support/fake-rollcall.ts'

const END = 1_700_000_000_000
const SEED = Number(process.env.ROLLCALL_TEST_SEED ?? Math.floor(Math.random() * 1_000_000))

const evening = planEvening({ viewers: 60, streamers: 5, minutes: 20, seed: SEED, end: END })
const planned = <T>(part: (slot: Slot) => T[]): T[] => [...evening.slots()].flatMap(part)

let rollcall: FakeRollcall
let platform: FakePlatform

beforeEach(async () => {
  rollcall = new FakeRollcall()
  platform = new FakePlatform()
  rollcall.answer = platform.answer
  await rollcall.listen()
})

afterEach(() => rollcall.close())

const play = (plan = evening) =>
  sendEvening(plan, new Server(rollcall.url, { retryMs: 0, warn: () => {}, time: new PatientTime() }))

const someTurns = async () => {
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
}

/** Requests to a path, as text, without order. */
const sent = (path: RegExp) =>
  platform
    .to(path)
    .map(({ method, path, body }) => [method, path, JSON.stringify(body)].filter(part => part !== undefined).join(' '))
    .sort()

/** A stream as `<streamer> <how manieth of the streamer's>`, by the plan and by the id of its session. */
const nameOf = ({ streamer, from }: PlannedStream): string => {
  const before = evening.streams.filter(other => other.streamer === streamer && other.from < from)
  return `${streamer.id} ${before.length}`
}
const nameOfSession = (id: string): string => {
  const { userId } = platform.sessions.find(session => session.id === id)!
  const all = platform.sessions.filter(session => session.userId === userId)
  return `${userId} ${all.findIndex(session => session.id === id)}`
}
const streamOf = (path: string): string => path.replace(/^\/sessions\/([^/]+).*$/, (_, id) => nameOfSession(id))

describe(`an evening that is played (ROLLCALL_TEST_SEED=${SEED})`, () => {
  test('is summed up', async () => {
    const { viewers: _viewers, sessions: _sessions, ...counts } = await play()
    expect(counts).toEqual({
      users: 65,
      streams: evening.streams.length,
      ended: planned(({ ends }) => ends).length,
      heartbeats: planned(({ beats }) => beats).length,
      ratings: planned(({ ratings }) => ratings).length,
      follows: planned(({ follows }) => follows).length,
      earnings: planned(({ earnings }) => earnings).length,
    })
  })

  test('has users before the first session', async () => {
    await play()
    const first = platform.received.findIndex(({ path }) => path === '/sessions')
    expect(platform.received.slice(0, first).filter(({ path }) => /^\/users\/[^/]+$/.test(path))).toHaveLength(65)
  })

  test('has a session for each stream', async () => {
    await play()
    expect(platform.sessions.map(({ id }) => nameOfSession(id)).sort()).toEqual(evening.streams.map(nameOf).sort())
  })

  test('ends a session before the next of the same slot begins', async () => {
    rollcall.answer = async request => {
      if (request.path.endsWith('/end')) await someTurns()
      return platform.answer(request)
    }
    const minute = planEvening({ viewers: 0, streamers: 5, minutes: 1, seed: SEED, end: END })
    await play(minute)
    expect(platform.sessions).toHaveLength(minute.streams.length)
  })

  test('has beats on a stream only while its session is on', async () => {
    await play()
    expect(platform.astray).toEqual([])
  })

  test('has each beat on its page', async () => {
    await play()
    const beats = platform.to(/^\/heartbeats$/).flatMap(({ body }) => body)
    const pages = planned(({ beats }) => beats).map(({ page }) => (typeof page === 'string' ? page : nameOf(page)))
    expect(beats.map(({ path }) => streamOf(path))).toEqual(pages)
  })

  test('leaves those live that are live at its end', async () => {
    await play()
    const active = platform.sessions.filter(session => session.active).map(({ id }) => nameOfSession(id))
    expect(active.sort()).toEqual(
      evening.streams
        .filter(({ ends }) => !ends)
        .map(nameOf)
        .sort(),
    )
  })

  test('has what belongs to one slot on its way at once', async () => {
    const others = Promise.withResolvers<void>()
    rollcall.answer = async request => {
      if (request.path === '/trending') others.resolve()
      if (request.path === '/heartbeats') await others.promise
      return platform.answer(request)
    }
    await expect(play()).resolves.toBeDefined()
  })

  test('has nothing of a slot on its way before the slot before it is done', async () => {
    const held = Promise.withResolvers<void>()
    const beats = new Promise<void>(resolve => {
      rollcall.answer = async request => {
        if (request.path === '/trending') await held.promise
        if (request.path === '/heartbeats') resolve()
        return platform.answer(request)
      }
    })
    const playing = play()
    await beats
    await someTurns()
    const early = platform.to(/^\/heartbeats$/).length
    held.resolve()
    await playing
    expect(early).toBe(1)
  })

  test('sets the goals that are planned', async () => {
    await play()
    const goals = planned(({ goals }) => goals).map(stream => {
      const { showGoalPairs, exclusiveGoalPairs } = stream.goals!
      return [nameOf(stream), JSON.stringify({ showGoalPairs, exclusiveGoalPairs })]
    })
    const set = platform.to(/\/goals$/).map(({ path, body }) => [streamOf(path), JSON.stringify(body)])
    expect(set.sort()).toEqual(goals.sort())
  })

  test('takes the streams out of preview that leave it', async () => {
    await play()
    const leave = planned(({ sd }) => sd).map(stream => [nameOf(stream), 'sd'])
    const presets = platform.to(/\/preset$/).map(({ path, body }) => [streamOf(path), body.preset])
    expect(presets.sort()).toEqual(leave.sort())
  })

  test('registers the devices of the viewers', async () => {
    await play()
    const devices = evening.devices.map(({ userId, id, kind, value }) => {
      return `PUT /users/${userId}/registrations/${id} ${JSON.stringify({ kind, value })}`
    })
    expect(sent(/\/registrations\//)).toEqual(devices.sort())
  })

  test('has viewers follow streamers', async () => {
    await play()
    const follows = planned(({ follows }) => follows)
    const paths = follows.map(({ streamer, userId }) => `PUT /users/${streamer}/followers/${userId}`)
    expect(sent(/\/followers\//)).toEqual(paths.sort())
  })

  test('has ratings of the streams that were watched', async () => {
    await play()
    const ratings = planned(({ ratings }) => ratings).map(each => [nameOf(each.stream), each.userId, each.score])
    const rated = platform.to(/\/ratings$/).map(({ path, body }) => [streamOf(path), body.userId, body.score])
    expect(rated.sort()).toEqual(ratings.sort())
  })

  test('has tips that are the same when it is played again', async () => {
    await play()
    await play()
    const tips = planned(({ earnings }) => earnings).map(({ id, streamer, amount }) => {
      return `POST /earnings ${JSON.stringify({ id, userId: streamer, amount })}`
    })
    expect(sent(/^\/earnings$/)).toEqual([...tips, ...tips].sort())
  })

  test('names trending creators', async () => {
    await play()
    const named = planned(({ trending }) => (trending ? [trending] : []))
    expect(platform.to(/^\/trending$/).map(({ body }) => body.userIds)).toEqual(named)
  })

  test('is read when all of it can be read', async () => {
    await play()
    const after = rollcall.reads.filter(({ path }) => /^\/(viewers|sessions\?)/.test(path)).map(({ after }) => after)
    expect(after).toEqual(['0-1', '0-1'])
  })

  test('ends with a refusal', async () => {
    rollcall.answer = request =>
      request.path === '/trending'
        ? { status: 400, body: { code: 'RC_INVALID_INPUT', message: 'no' } }
        : platform.answer(request)
    await expect(play()).rejects.toMatchObject({ code: 'RC_INVALID_INPUT' })
  })
})
