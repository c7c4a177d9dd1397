import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { withId } from '../../documents/answered.ts'
import type { Collection, Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { earning, follower, source, trending } from '../answers.ts'
import { type Caller, mustBe } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'
import { page, paged, pageOf, USUAL } from './pages.ts'
import { of, type Said } from './reference/route.ts'

const pageQuery = z.object({ ...page(USUAL), after: id.optional() })
const earningsQuery = pageQuery.extend({ userId: id.optional() })

/** A read of what was written, by its own user. */
const read = (does: string, answer: z.ZodType, query?: z.ZodType, more?: string) =>
  of('user', { ...said(does, answer, query), ...(more && { more }) })

const said = (does: string, answer: z.ZodType, query?: z.ZodType): Said => ({
  ...{ group: 'Platform', does, answers: { 200: answer }, ...(query && { query }) },
  ...{ needs: ['documents'], codes: query ? [] : ['RC_NOT_FOUND'] },
})

const withoutId = ({ _id, ...fields }: Document): Record<string, unknown> => fields

/** The platform's own data as it is kept: all of it for services, for a user what concerns itself. */
export function platformReadRoutes(app: FastifyInstance, { documents, time }: Bridge): void {
  const one = async (collection: Collection, ...names: string[]): Promise<Document> => {
    const document = await documents.get(collection, names.join('\n'))
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return document
  }

  /** Documents that a user has under names: they are named `<user>\n<name>`. */
  const namesOf = async (collection: Collection, userId: string, query: unknown) => {
    const { after = '', limit } = parseOne(pageQuery, query, time.now())
    const filter = { _id: { $gt: `${userId}\n${after}`, $lt: `${userId}\v` } }
    const found = await documents.find(collection, { filter, sort: { _id: 1 }, limit: limit + 1 })
    const { items, next } = paged(found, limit, ({ _id }) => _id.slice(userId.length + 1))
    return { [collection]: items.map(withoutId), next }
  }

  interface With<Name extends string> {
    Params: Record<Name, string>
  }

  app.get<With<'id'>>(
    '/users/:id/followers',
    read('The followers of a user.', pageOf({ followers: z.array(follower) }), pageQuery),
    ({ params, query, caller }) => {
      mustBe(caller, params.id)
      return namesOf('followers', params.id, query)
    },
  )
  app.get<With<'id' | 'follower'>>(
    '/users/:id/followers/:follower',
    read('A follower of a user, if it is one.', follower),
    async ({ params, caller }) => {
      if (caller.userId !== params.follower) mustBe(caller, params.id)
      return withoutId(await one('followers', params.id, params.follower))
    },
  )

  app.get<With<'userId'>>(
    '/sources/:userId',
    read('The sources of a user.', pageOf({ sources: z.array(source) }), pageQuery),
    ({ params, query, caller }) => {
      mustBe(caller, params.userId)
      return namesOf('sources', params.userId, query)
    },
  )
  app.get<With<'userId' | 'name'>>(
    '/sources/:userId/:name',
    read('A source of a user.', source),
    async ({ params, caller }) => {
      mustBe(caller, params.userId)
      return withoutId(await one('sources', params.userId, params.name))
    },
  )

  app.get(
    '/earnings',
    read(
      'Earnings in the order of their ids, of a user or, for services, of all.',
      pageOf({ earnings: z.array(earning) }),
      earningsQuery,
    ),
    async ({ query, caller }) => {
      const { userId, after = '', limit } = parseOne(earningsQuery, query, time.now())
      mustOwn(caller, userId)
      const filter = { ...(userId !== undefined && { userId }), _id: { $gt: after } }
      const found = await documents.find('earnings', { filter, sort: { _id: 1 }, limit: limit + 1 })
      const { items, next } = paged(found, limit, ({ _id }) => _id)
      return { earnings: items.map(withId), next }
    },
  )
  app.get<With<'id'>>('/earnings/:id', read('An earning.', earning), async ({ params, caller }) => {
    const earning = await one('earnings', params.id)
    mustOwn(caller, earning.userId)
    return withId(earning)
  })

  app.get('/trending', of('service', { ...said('Trending streamers.', trending), codes: [] }), async () => {
    const trending = await documents.get('trending', 'trending')
    return { userIds: trending?.userIds ?? [] }
  })
}

/** Throws RC_NOT_ALLOWED for what is of another user, or of nobody, unless the caller is a service. */
function mustOwn(caller: Caller, userId: unknown): void {
  if (typeof userId === 'string') mustBe(caller, userId)
  else if (!caller.isService) throw new RollcallError('RC_NOT_ALLOWED')
}
