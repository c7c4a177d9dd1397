import { expect } from 'vitest'
import type { Body, Server } from './server.ts'

/** Changes of streamers' sessions that succeed, each answered with the session. */
export function streamerSessions(server: () => Server) {
  let users = 0
  const newUser = (): string => `streamer-${++users}`

  async function created(userId: string, more: object = {}): Promise<Body> {
    const { status, body } = await server().post('/sessions', { userId, ...more })
    expect([status, body]).toEqual([201, expect.anything()])
    return body
  }

  async function changed(method: 'POST' | 'PUT', path: string, body?: unknown): Promise<Body> {
    const reply = method === 'POST' ? await server().post(path, body ?? {}) : await server().put(path, body)
    expect([reply.status, reply.body]).toEqual([200, expect.anything()])
    return reply.body
  }

  const golive = (id: string) => changed('POST', `/sessions/${id}/preset`, { preset: 'sd' })
  const rate = (id: string, userId: string, score: number) =>
    changed('POST', `/sessions/${id}/ratings`, { userId, score })
  const end = (id: string) => changed('POST', `/sessions/${id}/end`)
  return { newUser, created, changed, golive, rate, end }
}
