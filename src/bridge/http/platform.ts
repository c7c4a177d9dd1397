import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Collection } from '../../documents/index.ts'
import { feedKeys } from '../../feeds/groups.ts'
import { feedRequests, feedsAround } from '../../feeds/requests.ts'
import * as answers from '../answers.ts'
import { mustBe } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { earning, id, parseOne, registration, source, trending, user } from '../inputs.ts'
import { of, type Said } from './reference/route.ts'

type Write = Pick<Said, 'does' | 'more' | 'params' | 'body' | 'needs'>

/** A write of the platform's data, and what it answers. */
const write = (access: 'user' | 'service', said: Write, answer: z.ZodType) =>
  of(access, { group: 'Platform', needs: ['documents'], ...said, answers: { 200: answer } })

const FOLLOWER = { id, follower: id }
const REGISTRATION = { id, registration: id }
const nothing = z.object({})
const PROFILE: Write = {
  does: 'Writes the profile of a user, the whole of it.',
  more: 'Where it changes what feeds show of a live streamer, they are asked for, which needs the log.',
  ...{ params: { id }, body: user, needs: ['log', 'documents'] },
}

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

  const put = async (collection: Collection, names: string[], set: Record<string, unknown>): Promise<unknown> => {
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

  const profile = write('service', PROFILE, answers.user)
  app.put<{ Params: { id: string } }>('/users/:id', profile, async ({ params, body }) => {
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
    await put('users', names, set)
    stamp.forget(params.id)
    return { id: params.id, ...set }
  })

  interface OfUser<Name extends string> {
    Params: { id: string } & Record<Name, string>
  }

  app.put<OfUser<'follower'>>(
    '/users/:id/followers/:follower',
    write('user', { does: 'Follows a user.', params: FOLLOWER }, answers.follower),
    async ({ params, caller }) => {
      mustBe(caller, params.follower)
      const [userId, followerId] = named(params.id, params.follower) as [string, string]
      await put('followers', [userId, followerId], { userId, followerId })
      subscriptions.forget(userId, followerId)
      return { userId, followerId }
    },
  )
  app.delete<OfUser<'follower'>>(
    '/users/:id/followers/:follower',
    write('user', { does: 'Follows a user no more.', params: FOLLOWER }, nothing),
    async ({ params, caller }) => {
      mustBe(caller, params.follower)
      await remove('followers', named(params.id, params.follower))
      subscriptions.forget(params.id, params.follower)
      return {}
    },
  )

  app.put<OfUser<'registration'>>(
    '/users/:id/registrations/:registration',
    write(
      'user',
      { does: 'Registers a device of a user with Firebase.', params: REGISTRATION, body: registration },
      answers.registration,
    ),
    async ({ params, body, caller }) => {
      mustBe(caller, params.id)
      const [userId, registrationId] = named(params.id, params.registration) as [string, string]
      const { kind, value } = parseOne(registration, body, time.now())
      await put('registrations', [userId, registrationId], { userId, registrationId, kind, value })
      return { userId, registrationId, kind }
    },
  )
  app.delete<OfUser<'registration'>>(
    '/users/:id/registrations/:registration',
    write('user', { does: 'Takes a registration back.', params: REGISTRATION }, nothing),
    async ({ params, caller }) => {
      mustBe(caller, params.id)
      return remove('registrations', named(params.id, params.registration))
    },
  )

  app.put<{ Params: { userId: string; name: string } }>(
    '/sources/:userId/:name',
    write(
      'service',
      { does: 'Says whence a streamer sends.', params: { userId: id, name: id }, body: source },
      answers.source,
    ),
    async ({ params, body }) => {
      const [userId, name] = named(params.userId, params.name) as [string, string]
      const { statuses, metadata } = parseOne(source, body, time.now())
      const started = statuses?.started ?? null
      const sessionId = metadata?.sessionId ?? null
      return put('sources', [userId, name], { userId, name, statuses: { started }, metadata: { sessionId } })
    },
  )

  app.post(
    '/earnings',
    write(
      'service',
      { does: 'Says that a user earned something; the same `id` counts once.', body: earning },
      answers.earning,
    ),
    async ({ body }) => {
      const { id, userId, amount } = parseOne(earning, body, time.now())
      await put('earnings', [id], { userId, amount })
      return { id, userId, amount }
    },
  )

  app.put(
    '/trending',
    write(
      'service',
      {
        does: 'Says who is trending.',
        more: 'Where it changes, feeds are asked for, which needs the log.',
        body: trending,
        needs: ['log', 'documents'],
      },
      answers.trending,
    ),
    async ({ body }) => {
      const { userIds } = parseOne(trending, body, time.now())
      const before = await documents.get('trending', 'trending')
      if (!isDeepStrictEqual(before?.userIds, userIds)) await ask(feedKeys(settings.feeds.groups))
      return put('trending', ['trending'], { userIds })
    },
  )
}
