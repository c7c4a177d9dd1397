import { ObjectId } from 'bson'
import type { FastifyInstance } from 'fastify'
import type { Event } from '../../actors/event.ts'
import type { Document } from '../documents/index.ts'
import { RollcallError } from '../errors.ts'
import type { Bridge } from './index.ts'
import { parseOne, preset, rating, sessionGoals, sessionStart } from './inputs.ts'
import { sessionOf } from './shown.ts'

interface WithId {
  Params: { id: string }
}

/** A streamer's session: replies are reads, made once the event is applied, committed and projected. */
export function sessionRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, append, shards, stamp, config, now } = bridge

  const settle = async (event: Event): Promise<void> => shards.settled(await append([event]))

  const latestOf = async (userId: string): Promise<Document> => {
    const [session] = await documents.find('sessions', { filter: { userId }, sort: { ordinal: -1 }, limit: 1 })
    if (!session) throw new RollcallError('RC_ACTOR_PARKED')
    return session
  }

  /** The session id of a source that has started, unless it is another streamer's session. */
  const sourceIdOf = async (userId: string): Promise<string | null> => {
    const sourceId = startedSource(await documents.find('sources', { filter: { userId } }))
    if (sourceId === null) return null
    const taken = await documents.get('sessions', sourceId)
    return taken && taken.userId !== userId ? null : sourceId
  }

  const found = async (id: string): Promise<Document & { userId: string; active: boolean }> => {
    const session = await documents.get('sessions', id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return session as Document & { userId: string; active: boolean }
  }

  /** Applies a change to the session and answers with it. */
  const change = async (id: string, kind: string, facts: object, also: { ended: boolean }): Promise<unknown> => {
    const session = await found(id)
    if (!session.active && (!also.ended || (await latestOf(session.userId))._id !== id)) {
      throw new RollcallError('RC_SESSION_ENDED')
    }
    const at = now()
    await settle({
      kind,
      key: session.userId,
      id: new ObjectId().toHexString(),
      at,
      arrival: at,
      sessionId: id,
      ...facts,
    })
    stamp.forgetSession(id)
    return sessionOf(await found(id))
  }

  app.post('/sessions', async (request, reply) => {
    const at = now()
    const { userId, title, device } = parseOne(sessionStart, request.body, at)
    const [user, sourceId] = await Promise.all([documents.get('users', userId), sourceIdOf(userId)])
    const event: Event = {
      kind: 'session.start',
      key: userId,
      id: new ObjectId().toHexString(),
      at,
      arrival: at,
      fresh: new ObjectId().toHexString(),
      sourceId,
      title: title ?? null,
      device: device ?? null,
      userTags: user?.tags ?? [],
      price: config.prices.preview,
    }
    await settle(event)
    const session = await latestOf(userId)
    stamp.forgetSession(session._id)
    reply.code(session.createdBy === event.id ? 201 : 200)
    return sessionOf(session)
  })

  app.post<WithId>('/sessions/:id/preset', async ({ params, body }) => {
    const changed = parseOne(preset, body, now())
    const facts = { ...changed, price: config.prices[changed.preset] }
    return change(params.id, 'session.preset', facts, { ended: false })
  })

  app.post<WithId>('/sessions/:id/ratings', async ({ params, body }) => {
    const { userId, score } = parseOne(rating, body, now())
    return change(params.id, 'session.rate', { rater: userId, score }, { ended: true })
  })

  app.put<WithId>('/sessions/:id/goals', async ({ params, body }) =>
    change(params.id, 'session.goals', parseOne(sessionGoals, body, now()), { ended: false }),
  )

  app.post<WithId>('/sessions/:id/end', async ({ params }) => {
    const session = await found(params.id)
    return session.active ? change(params.id, 'session.end', {}, { ended: true }) : sessionOf(session)
  })
}

/** The session id of a source that has started. */
function startedSource(sources: Document[]): string | null {
  for (const source of sources) {
    const { statuses, metadata } = source as { statuses?: { started?: unknown }; metadata?: { sessionId?: unknown } }
    if (statuses?.started != null && typeof metadata?.sessionId === 'string') return metadata.sessionId
  }
  return null
}
