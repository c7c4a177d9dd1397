import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Server, startServer } from '../support/server.ts'

describe.skipIf(natsServerBinary() === null)('web sessions that are not over', () => {
  let nats: NatsServer
  let server: Server
  beforeAll(async () => {
    nats = await startNatsServer()
  })
  afterAll(() => nats.stop())

  const at = Date.now() - 60_000
  const visit = (id: string, ts: number) => ({ id, sessionId: 'ann', ts, page: '/' })

  test('are told over NATS as they change only where ROLLCALL_TELL_UPDATES says so, which any start may change', async () => {
    const client = await nats.connect()
    const heard: Body[] = []
    client.subscribe('rollcall.web-session.*', {
      callback: (_error, message) => {
        const id = message.headers!.get('ce-id')
        expect(message.headers!.get('Nats-Msg-Id')).toBe(id)
        heard.push({
          id,
          subject: message.subject,
          source: message.headers!.get('ce-source'),
          ...(message.json() as Body),
        })
      },
    })
    await client.flush()
    server = await startServer({ ROLLCALL_NATS_URL: nats.url })
    await server.deliver('/events', visit('a', at))
    await server.get('/web-sessions?visitor=ann', { after: true })
    expect(heard).toEqual([])

    await server.restart({ ROLLCALL_TELL_UPDATES: 'true' })
    await server.deliver('/events', visit('b', at + 1_000))
    const { webSessions } = (await server.get('/web-sessions?visitor=ann', { after: true })).body
    const { eventIds, ...session } = webSessions[0]
    expect(eventIds).toEqual(['a', 'b'])
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 10_000 })
    expect(heard[0]).toEqual({
      ...{
        id: expect.stringMatching(/^web-session\.updated\/ann-[\d-]+:\d+$/),
        subject: 'rollcall.web-session.updated',
      },
      ...{ source: '/visitor/ann', session },
    })
    await client.close()
    await server.stop()
  })
})
