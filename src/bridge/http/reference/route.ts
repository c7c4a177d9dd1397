import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import type { ErrorCode } from '../../../errors.ts'
import type { Access } from '../../callers.ts'

/** Where an answer comes from, and without which the request is refused. */
export type Need = 'log' | 'owner' | 'documents'

export const GROUPS = {
  Records: 'Beats and web events, as they come.',
  Sessions: "Streamers' sessions.",
  Audience: 'Who watches, and who watched.',
  Feeds: 'Which sessions are shown, and in which order.',
  'Web sessions': 'Visits, cut into sessions.',
  Platform: "The platform's own data, which is written at once.",
  Pusher: 'What Pusher asks, and tells.',
  Operating: 'Whether it goes on, and what is parked.',
  Inspector: 'Any actor as it is, was, and goes on.',
  Pages: 'What a browser shows, and documents about all of this.',
} as const

/** An answer that is no JSON, or an input. */
export interface Text {
  /** of its media */
  type: string
  is: string
}

/** A route as it is described: all that it takes by the schemas it parses by. */
export interface Said {
  group: keyof typeof GROUPS
  /** in a sentence */
  does: string
  /** further sentences */
  more?: string
  /** those that are more than ids */
  params?: Record<string, z.ZodType>
  query?: z.ZodType
  body?: z.ZodType | Text
  /** it may be a form too */
  isForm?: true
  /** by status */
  answers: Record<number, z.ZodType | Text>
  needs?: readonly Need[]
  /** beyond those that its access, its input and its needs bring */
  codes?: readonly ErrorCode[]
}

/** A route that nobody asks by hand. */
interface Hidden {
  hidden: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** only for services unless told */
    access?: Access
    said?: Said | Hidden
  }
}

/** The options of a route: who may ask, and its description, without which it cannot be registered. */
export const of = (access: Access, said: Said) => ({ config: { access, said } })

/** The options of a route that the document leaves out, with the reason. */
export const hidden = (access: Access, reason: string) => ({ config: { access, said: { hidden: reason } } })

export interface Route {
  method: string
  path: string
  access: Access
  said: Said
  /** bytes of a body */
  bodyLimit: number
}

/** The routes of a server that are no hidden ones, as they are made from here on; one without a description throws. */
export function routesOf(app: FastifyInstance): Route[] {
  const routes: Route[] = []
  app.addHook('onRoute', ({ method: methods, url: path, config, bodyLimit = app.initialConfig.bodyLimit! }) => {
    const { said, access = 'service' } = config ?? {}
    if (!said) throw new Error(`The route ${methods} ${path} has no description.`)
    for (const method of [methods].flat()) {
      // Each GET has one of HEAD, which Fastify makes.
      if (method !== 'HEAD' && !('hidden' in said)) routes.push({ method, path, access, said, bodyLimit })
    }
  })
  return routes
}
