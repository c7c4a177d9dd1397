import type { FastifyInstance } from 'fastify'
import { OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'

interface WithId {
  Params: { id: string }
}

export function sessionRoutes(app: FastifyInstance, { streamers }: Bridge): void {
  app.post('/sessions', OF_USER, async ({ body, caller }, reply) => {
    const { isNew, session } = await streamers.start(body ?? {}, caller)
    reply.code(isNew ? 201 : 200)
    return session
  })

  app.post<WithId>('/sessions/:id/preset', OF_USER, ({ params, body, caller }) =>
    streamers.setPreset(params.id, body, caller),
  )
  app.post<WithId>('/sessions/:id/ratings', OF_USER, ({ params, body, caller }) =>
    streamers.rate(params.id, body, caller),
  )
  app.put<WithId>('/sessions/:id/goals', OF_USER, ({ params, body, caller }) =>
    streamers.setGoals(params.id, body, caller),
  )
  app.post<WithId>('/sessions/:id/end', OF_USER, ({ params, caller }) => streamers.end(params.id, caller))
}
