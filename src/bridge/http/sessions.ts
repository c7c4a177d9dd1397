import type { FastifyInstance } from 'fastify'
import { session } from '../answers.ts'
import type { Bridge } from '../index.ts'
import { preset, rating, sessionGoals, sessionStart } from '../inputs.ts'
import { of, type Said } from './reference/route.ts'

const start = of('user', {
  ...{ group: 'Sessions', does: 'Starts a session, or finds the one there, and announces it.' },
  more: "`userId`, or `streamerId`, is by default the token's `sub`. `sessionId`, of a service, is the id that the session gets, unless another one has or had it.",
  ...{ body: sessionStart.optional(), answers: { 200: session, 201: session } },
  needs: ['log', 'owner', 'documents'],
})

/** A change of a session, which is answered once it can be read. */
const change = (does: string, body?: Said['body'], more?: string) =>
  of('user', {
    ...{ group: 'Sessions', does, ...(body && { body }), ...(more && { more }), answers: { 200: session } },
    ...{ needs: ['log', 'owner', 'documents'], codes: ['RC_SESSION_NOT_FOUND', 'RC_SESSION_ENDED'] },
  })

interface WithId {
  Params: { id: string }
}

export function sessionRoutes(app: FastifyInstance, { streamers }: Bridge): void {
  app.post('/sessions', start, async ({ body, caller }, reply) => {
    const { isNew, session } = await streamers.start(body ?? {}, caller)
    reply.code(isNew ? 201 : 200)
    return session
  })

  app.post<WithId>(
    '/sessions/:id/preset',
    change('Changes the preset of a session.', preset),
    ({ params, body, caller }) => streamers.setPreset(params.id, body, caller),
  )
  app.post<WithId>(
    '/sessions/:id/ratings',
    change(
      'Rates a session.',
      rating,
      "A rater has one rating: the latest. The streamer's latest session takes ratings after its end too.",
    ),
    ({ params, body, caller }) => streamers.rate(params.id, body, caller),
  )
  app.put<WithId>(
    '/sessions/:id/goals',
    change('Sets the goals of a session, all of them.', sessionGoals),
    ({ params, body, caller }) => streamers.setGoals(params.id, body, caller),
  )
  app.post<WithId>(
    '/sessions/:id/end',
    change('Ends a session; one that has ended is answered as it is.'),
    ({ params, caller }) => streamers.end(params.id, caller),
  )
}
