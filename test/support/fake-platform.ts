import type { Reply } from './fake-rollcall.ts'

export interface Received {
  method: string
  path: string
  // biome-ignore lint/suspicious/noExplicitAny: a body is whatever was sent; the tests look inside
  body: any
}

interface Session {
  id: string
  userId: string
  active: boolean
}

export const NOBODY = {
  alive: 0,
  attendance: 0,
  bySession: {},
  withoutSession: { streams: 0, alive: 0, attendance: 0 },
}
const CHANGE = /^\/sessions\/([^/]+)\/(preset|goals|ratings|end)$/
const STREAM = /^\/sessions\/(.+)$/

/** Sessions as Rollcall answers for them, stricter: a rating needs one that is on, too. Takes everything else. */
export class FakePlatform {
  readonly received: Received[] = []
  readonly sessions: Session[] = []
  /** paths of beats for which there was no session, or no longer */
  readonly astray: string[] = []

  answer = ({ method, path, body }: { method: string; path: string; body: string }): Reply => {
    const received: Received = { method, path, body: body === '' ? undefined : JSON.parse(body) }
    this.received.push(received)
    if (path === '/viewers') return { status: 200, body: NOBODY }
    if (method === 'GET') return { status: 200, body: { sessions: this.sessions.filter(({ active }) => active) } }
    if (path === '/sessions') return this.#start(received.body.userId)
    if (path === '/heartbeats') return this.#beats(received.body)
    const [, id, verb] = CHANGE.exec(path) ?? []
    return id === undefined ? { status: 200, body: {} } : this.#change(id, verb === 'end')
  }

  to(path: RegExp): Received[] {
    return this.received.filter(received => received.method !== 'GET' && path.test(received.path))
  }

  #start(userId: string): Reply {
    const there = this.sessions.find(session => session.active && session.userId === userId)
    if (there) return { status: 200, body: there }
    const session = { id: `s${this.sessions.length + 1}`, userId, active: true }
    this.sessions.push(session)
    return { status: 201, body: session }
  }

  #beats(beats: { path: string }[]): Reply {
    for (const { path } of beats) {
      const [, id] = STREAM.exec(path) ?? []
      if (id !== undefined && !this.sessions.find(session => session.id === id)?.active) this.astray.push(path)
    }
    return { status: 202, body: { accepted: beats.length }, headers: { 'rollcall-position': '0-1' } }
  }

  #change(id: string, ends: boolean): Reply {
    const session = this.sessions.find(session => session.id === id)
    if (!session) return { status: 404, body: { code: 'RC_SESSION_NOT_FOUND', message: 'no such session' } }
    if (!session.active) return { status: 409, body: { code: 'RC_SESSION_ENDED', message: 'it has ended' } }
    session.active = !ends
    return { status: 200, body: session }
  }
}
