import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import type { Collection } from '../../documents/index.ts'
import { feedKeys } from '../../feeds/groups.ts'
import { feedRequests, feedsAround } from '../../feeds/requests.ts'
import { mustBe, OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { earning, id, parseOne, registration, source, trending, user } from '../inputs.ts'

/** Fields of a profile by which feeds choose, order or show a streamer. */
const SHOWN = ['username', 'country', 'tags', 'profile'] as const

/** The platform's own data: written at once, the last write counts. */
export function platformRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, stamp, subscriptions, time, settings, append } = bridge
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

  // Feeds run a while after they are asked for, so they are asked before the write: repeated after a fault, it still differs.
  const ask = async (feeds: string[]): Promise<void> => void (await append(feedRequests(feeds, time.id(), time.now())))

  const askForFeedsOf = async (userId: string, profile: Record<string, unknown>): Promise<void> => {
    const live = await documents.find('sessions', { filter: { userId, active: true }, limit: 1 })
    if (live.length === 0) return
    const before = await documents.get('users', userId)
    const isShown = SHOWN.some(field => !isDeepStrictEqual(profile[field], before?.[field]))
    if (isShown) await ask(feedsAround(settings.feeds.groups, [before, profile]))
  }

  app.put<{ Params: { id: string } }>('/users/:id', async ({ params, body }) => {
    const names = named(params.id)
    const { username, country, groups, tags, profile } = parseOne(user, body, time.now())
    const set = {
      username: username || null,
      country: country ?? null,
      groups: groups ?? [],
      // Feeds compare countries without case.
      tags: (tags ?? []).map(tag => (/^country:/i.test(tag) ? tag.toLowerCase() : tag)),
      profile: { biography: profile?.biography ?? null },
    }
    await askForFeedsOf(params.id, set)
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
    const before = await documents.get('trending', 'trending')
    if (!isDeepStrictEqual(before?.userIds, userIds)) await ask(feedKeys(settings.feeds.groups))
    return write('trending', ['trending'], { userIds })
  })
}
