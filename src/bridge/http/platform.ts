import type { FastifyInstance } from 'fastify'
import type { Collection } from '../../documents/index.ts'
import { mustBe, OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { earning, id, parseOne, registration, source, trending, user } from '../inputs.ts'

/** The platform's own data: written at once, the last write counts. */
export function platformRoutes(app: FastifyInstance, { documents, stamp, subscriptions, time }: Bridge): void {
  let last = 0
  const version = (): number => {
    last = Math.max(last + 1, time.now())
    return last
  }
  const named = (...names: string[]): string[] => names.map(name => parseOne(id, name, time.now()))

  const write = async (collection: Collection, names: string[], set: Record<string, unknown>): Promise<unknown> => {
    await documents.upsertMany(collection, [{ id: names.join('\n'), seq: version(), set }])
    return set
  }
  const remove = async (collection: Collection, names: string[]): Promise<unknown> => {
    await documents.removeMany(collection, [names.join('\n')], version())
    return {}
  }

  app.put<{ Params: { id: string } }>('/users/:id', async ({ params, body }) => {
    const names = named(params.id)
    const { username, country, groups, tags, profile } = parseOne(user, body, time.now())
    const set = {
      username: username ?? null,
      country: country ?? null,
      groups: groups ?? [],
      // Feeds compare countries without case.
      tags: (tags ?? []).map(tag => (/^country:/i.test(tag) ? tag.toLowerCase() : tag)),
      profile: { biography: profile?.biography ?? null },
    }
    await write('users', names, set)
    stamp.forget(params.id)
    return { id: params.id, ...set }
  })

  interface OfUser<Name extends string> {
    Params: { id: string } & Record<Name, string>
  }

  app.put<OfUser<'follower'>>('/users/:id/followers/:follower', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.follower)
    const [userId, followerId] = named(params.id, params.follower) as [string, string]
    await write('followers', [userId, followerId], { userId, followerId })
    subscriptions.forget(userId, followerId)
    return { userId, followerId }
  })
  app.delete<OfUser<'follower'>>('/users/:id/followers/:follower', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.follower)
    await remove('followers', named(params.id, params.follower))
    subscriptions.forget(params.id, params.follower)
    return {}
  })

  app.put<OfUser<'registration'>>(
    '/users/:id/registrations/:registration',
    OF_USER,
    async ({ params, body, caller }) => {
      mustBe(caller, params.id)
      const [userId, registrationId] = named(params.id, params.registration) as [string, string]
      const { kind, value } = parseOne(registration, body, time.now())
      await write('registrations', [userId, registrationId], { userId, registrationId, kind, value })
      return { userId, registrationId, kind }
    },
  )
  app.delete<OfUser<'registration'>>('/users/:id/registrations/:registration', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.id)
    return remove('registrations', named(params.id, params.registration))
  })

  app.put<{ Params: { userId: string; name: string } }>('/sources/:userId/:name', async ({ params, body }) => {
    const [userId, name] = named(params.userId, params.name) as [string, string]
    const { statuses, metadata } = parseOne(source, body, time.now())
    const started = statuses?.started ?? null
    const sessionId = metadata?.sessionId ?? null
    return write('sources', [userId, name], { userId, name, statuses: { started }, metadata: { sessionId } })
  })

  app.post('/earnings', async ({ body }) => {
    const { id, userId, amount } = parseOne(earning, body, time.now())
    await write('earnings', [id], { userId, amount })
    return { id, userId, amount }
  })

  app.put('/trending', async ({ body }) => {
    const { userIds } = parseOne(trending, body, time.now())
    return write('trending', ['trending'], { userIds })
  })
}
