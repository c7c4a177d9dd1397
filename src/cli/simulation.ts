/** Sending a planned evening to a server as its services and browsers would. */
import { batches } from './batches.ts'
import { Delivery, IN_FLIGHT } from './delivery.ts'
import type { Beat, Evening, Page, Streamer } from './evening.ts'
import { eachInFlight } from './in-flight.ts'
import type { Server } from './server.ts'

export interface SimulationSummary {
  users: number
  heartbeats: number
  ratings: number
  /** as `GET /viewers` and `GET /sessions?active=true` answer when all of it is readable */
  viewers: unknown
  sessions: unknown
}

export async function sendEvening(evening: Evening, server: Server): Promise<SimulationSummary> {
  const delivery = new Delivery(server)
  const post = async (path: string, body: unknown) =>
    (await server.json({ method: 'POST', path, body: JSON.stringify(body) })).body
  const users = [...evening.streamers, ...evening.viewers]
  await eachInFlight(users, IN_FLIGHT, async ({ id, username, country, groups, tags, profile }) => {
    const body = JSON.stringify({ username, country, groups, tags, profile })
    await server.json({ method: 'PUT', path: `/users/${encodeURIComponent(id)}`, body })
  })
  const sessionIds = new Map<string, string>()
  await eachInFlight(evening.streamers, IN_FLIGHT, async streamer => {
    const { id } = (await post('/sessions', requestOf(streamer))) as { id: string }
    sessionIds.set(streamer.id, id)
    await post(`/sessions/${id}/preset`, { preset: 'sd' })
  })
  const heartbeats = await sendBeats(evening.beats(), sessionIds, delivery)
  await eachInFlight(evening.ratings, IN_FLIGHT, async ({ userId, streamer, score }) => {
    await post(`/sessions/${sessionIds.get(streamer)}/ratings`, { userId, score })
  })
  const viewers = await delivery.readAfter('/viewers')
  const sessions = await delivery.readAfter('/sessions?active=true')
  return { users: users.length, heartbeats, ratings: evening.ratings.length, viewers, sessions }
}

const requestOf = ({ id, title, device }: Streamer) => ({ userId: id, title, ...(device && { device }) })

async function sendBeats(beats: Iterable<Beat>, sessionIds: Map<string, string>, delivery: Delivery): Promise<number> {
  let sent = 0
  await eachInFlight(
    batches(texts(beats, sessionIds), text => text),
    IN_FLIGHT,
    async batch => {
      const { accepted, refused } = await delivery.send('/heartbeats', batch)
      for (const [place, reason] of refused) console.error(`refused: ${batch[place]}: ${reason}`)
      sent += accepted
    },
  )
  return sent
}

function* texts(beats: Iterable<Beat>, sessionIds: Map<string, string>): Generator<string> {
  const pathOf = (page: Page) => (typeof page === 'string' ? page : `/sessions/${sessionIds.get(page.streamer)}`)
  for (const { viewer, at, page } of beats) {
    const { id, country, groups } = viewer
    yield JSON.stringify({ userId: id, path: pathOf(page), at, country, groups })
  }
}
