import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import type { Signer } from '../../notify/pusher-signature.ts'
import { accepted } from '../answers.ts'
import { mustBe } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'
import { webhookBytes } from './admission.ts'
import { readForms, readTexts } from './bytes.ts'
import { of } from './reference/route.ts'

const AUTH_BYTES = 8_192

/** As pusher-js sends it, with the caller's user id among its parameters, in either spelling. */
const subscription = z
  .object({
    socket_id: z.string().regex(/^\d{1,20}\.\d{1,20}$/, { error: 'is no socket id' }),
    channel_name: id,
    userId: id.optional(),
    user_id: id.optional(),
  })
  .transform(({ user_id, userId = user_id, ...rest }) => ({ ...rest, userId }))

const PUSHER = ['RC_NOT_CONFIGURED'] as const
const auth = of('user', {
  ...{ group: 'Pusher', does: 'Says whether the caller may join a channel.', body: subscription, isForm: true },
  more: 'Of services, and without authentication, the caller is whom `user_id` says.',
  ...{ needs: ['documents'], codes: PUSHER },
  answers: { 200: z.object({ auth: z.string(), channel_data: z.string().optional() }) },
})
const webhook = of('signed', {
  ...{ group: 'Pusher', does: 'Hears of what happens on channels.', codes: [...PUSHER, 'RC_UNSIGNED'] },
  body: { type: 'application/json', is: 'As Pusher sends and signs it.' },
  answers: { 200: accepted },
})

/** Routes for Pusher, which asks whether a user may join a channel, and tells what happens on channels. */
export function pusherRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { settings, callers, documents, limits, subscriptions, time } = bridge
  let opened: Promise<Signer> | undefined
  const signer = (): Promise<Signer> => {
    const { pusher } = settings
    if (!pusher) throw new RollcallError('RC_NOT_CONFIGURED')
    opened ??= import('../../notify/pusher-signature.ts').then(({ signer }) => signer(pusher))
    return opened
  }

  app.register(async routes => {
    readForms(routes)
    routes.post('/pusher/auth', { ...auth, bodyLimit: AUTH_BYTES }, async ({ body, caller }) => {
      const { socket_id, channel_name, userId = caller.userId } = parseOne(subscription, body, time.now())
      if (userId === null) throw new RollcallError('RC_NOT_ALLOWED')
      mustBe(caller, userId)
      if (!(await subscriptions.mayJoin(channel_name, userId))) throw new RollcallError('RC_NOT_ALLOWED')
      if (!channel_name.startsWith('presence-')) return (await signer()).authorize(socket_id, channel_name)
      const user = await documents.get('users', userId)
      const member = { user_id: userId, user_info: { username: user?.username ?? null } }
      return (await signer()).authorize(socket_id, channel_name, member)
    })
  })

  app.register(async routes => {
    readTexts(routes)
    routes.post('/pusher/webhook', webhook, async request => {
      const { headers, body } = request
      const events = (await signer()).webhook(headers as Record<string, string | undefined>, String(body ?? ''))
      if (!events) throw new RollcallError('RC_UNSIGNED')
      if (callers) limits.unprovenWebhooks.giveBack(webhookBytes(request))
      for (const { name, channel } of events) if (name === 'channel_vacated') subscriptions.vacated(channel)
      return { accepted: events.length }
    })
  })
}
