/** Playing a planned evening to a server as its services and browsers would. */
import { z } from 'zod'
import { VIEWERS, type Viewers } from '../looking/audience.ts'
import { complain } from '../looking/print.ts'
import { batches } from '../replay/batches.ts'
import { Delivery, IN_FLIGHT } from '../replay/delivery.ts'
import { eachInFlight } from '../replay/in-flight.ts'
import type { Server, ServerRequest } from '../replay/server.ts'
import type { Evening, PlannedBeat, Slot } from './evening.ts'
import type { PushDevice, User } from './people.ts'
import type { PlannedStream } from './streams.ts'

/** Requests of one record at once, which share a commit where they wait for one. */
const AT_ONCE = 16

export interface SimulationSummary {
  users: number
  /** sessions started */
  streams: number
  ended: number
  heartbeats: number
  ratings: number
  follows: number
  earnings: number
  /** as `GET /viewers` and `GET /sessions?active=true` answer when all of it is readable */
  viewers: Viewers
  sessions: { sessions: LiveSession[] }
}

const STARTED = z.object({ id: z.string() })
/** An answer of which nothing is taken. */
const ANY = z.unknown()

/** As documents have it, which may be another program's. */
const LIVE = z.object({
  ...{ id: z.string(), title: z.string().nullish() },
  rating: z.object({ current: z.number(), currentCount: z.number() }).nullish(),
})
type LiveSession = z.infer<typeof LIVE>

export async function sendEvening(evening: Evening, server: Server): Promise<SimulationSummary> {
  const delivery = new Delivery(server)
  const users = [...evening.streamers, ...evening.viewers]
  await sendAll([...users.map(userRequest), ...evening.devices.map(deviceRequest)], server)
  const sessions: Sessions = new Map()
  const sent = { streams: 0, ended: 0, heartbeats: 0, ratings: 0, follows: 0, earnings: 0 }
  for (const slot of evening.slots()) {
    const ends = slot.ends.map(stream => request('POST', `${pathOf(stream, sessions)}/end`))
    await sendAll(ends, server)
    await start(slot.starts, sessions, server)
    const [heartbeats] = await Promise.all([
      sendBeats(slot.beats, sessions, delivery),
      sendAll(requestsOf(slot, sessions), server),
    ])
    sent.streams += slot.starts.length
    sent.ended += slot.ends.length
    sent.heartbeats += heartbeats
    sent.ratings += slot.ratings.length
    sent.follows += slot.follows.length
    sent.earnings += slot.earnings.length
  }
  const viewers = await delivery.readAfter('/viewers', VIEWERS)
  const live: LiveSession[] = []
  for await (const session of delivery.list('/sessions?active=true&limit=1000', 'sessions', LIVE)) live.push(session)
  return { users: users.length, ...sent, viewers, sessions: { sessions: live } }
}

/** Ids that the server gave. */
type Sessions = Map<PlannedStream, string>

const pathOf = (stream: PlannedStream, sessions: Sessions): string => `/sessions/${sessions.get(stream)}`

const request = (method: 'POST' | 'PUT', path: string, body?: unknown): ServerRequest => ({
  ...{ method, path },
  ...(body !== undefined && { body: JSON.stringify(body) }),
})

const userRequest = ({ id, username, country, groups, tags, profile }: User): ServerRequest =>
  request('PUT', `/users/${id}`, { username, country, groups, tags, profile })

const deviceRequest = ({ id, userId, kind, value }: PushDevice): ServerRequest =>
  request('PUT', `/users/${userId}/registrations/${id}`, { kind, value })

/** The requests that may go out at once, but for beats, which go together. */
function requestsOf({ sd, goals, ratings, follows, earnings, trending }: Slot, sessions: Sessions): ServerRequest[] {
  return [
    ...sd.map(stream => request('POST', `${pathOf(stream, sessions)}/preset`, { preset: 'sd' })),
    ...goals.map(stream => {
      const { showGoalPairs, exclusiveGoalPairs } = stream.goals!
      return request('PUT', `${pathOf(stream, sessions)}/goals`, { showGoalPairs, exclusiveGoalPairs })
    }),
    ...ratings.map(({ stream, userId, score }) =>
      request('POST', `${pathOf(stream, sessions)}/ratings`, { userId, score }),
    ),
    ...follows.map(({ streamer, userId }) => request('PUT', `/users/${streamer}/followers/${userId}`)),
    ...earnings.map(({ id, streamer, amount }) => request('POST', '/earnings', { id, userId: streamer, amount })),
    ...(trending ? [request('PUT', '/trending', { userIds: trending })] : []),
  ]
}

const sendAll = (requests: ServerRequest[], server: Server): Promise<void> =>
  eachInFlight(requests, AT_ONCE, async each => void (await server.json(each, ANY)))

const start = (streams: PlannedStream[], sessions: Sessions, server: Server): Promise<void> =>
  eachInFlight(streams, AT_ONCE, async stream => {
    const { id: userId, device } = stream.streamer
    const asked = request('POST', '/sessions', { userId, title: stream.title, ...(device && { device }) })
    const { id } = await server.json(asked, STARTED)
    sessions.set(stream, id)
  })

/** A slot has one beat of a viewer, so their order is of no matter. */
async function sendBeats(beats: PlannedBeat[], sessions: Sessions, delivery: Delivery): Promise<number> {
  let accepted = 0
  const texts = beats.map(({ viewer: { id, country, groups }, at, page }) => {
    const path = typeof page === 'string' ? page : pathOf(page, sessions)
    return JSON.stringify({ userId: id, path, at, country, groups })
  })
  await eachInFlight(
    batches(texts, text => text),
    IN_FLIGHT,
    async batch => {
      const delivered = await delivery.send('/heartbeats', batch)
      for (const [place, reason] of delivered.refused) complain(`refused: ${batch[place]}: ${reason}`)
      accepted += delivered.accepted
    },
  )
  return accepted
}
