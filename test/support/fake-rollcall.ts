/** A server in place of Rollcall and a time in place of the machine's, for what the command line does with both. */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualTime } from './time.ts'

export interface Event {
  id?: string
  sessionId: string
  ts: number
  page: string
}

export interface Reply {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

type Instead = Reply | 'hang up' | undefined

/** Answers as Rollcall does, unless `answer` has something else for a request. */
export class FakeRollcall {
  readonly posts: Event[][] = []
  readonly bodies: string[] = []
  /** of every request */
  readonly authorizations: (string | undefined)[] = []
  readonly reads: { path: string; after: string | undefined }[] = []
  /** what happens instead; 'hang up' closes the connection without an answer */
  answer: (request: { method: string; path: string; nth: number; body: string }) => Promise<Instead> | Instead = () =>
    undefined
  sessions: { firstEventAt: number; lastEventAt: number; pageViews: number }[] = []
  url = ''
  #http: HttpServer = createServer((request, response) => void this.#serve(request, response))

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#http.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise(resolve => this.#http.close(resolve))
  }

  get received(): Event[] {
    return this.posts.flat()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    this.authorizations.push(request.headers.authorization)
    const [method, path] = [request.method!, request.url!]
    if (method === 'POST') this.bodies.push(body)
    else this.reads.push({ path, after: request.headers['rollcall-after'] as string | undefined })
    const nth = method === 'POST' ? this.bodies.length : this.reads.length
    const reply = (await this.answer({ method, path, nth, body })) ?? this.#usual(method, body)
    if (reply === 'hang up') return void request.socket.destroy()
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(JSON.stringify(reply.body ?? {}))
  }

  #usual(method: string, body: string): Reply {
    if (method === 'GET') return { status: 200, body: { webSessions: this.sessions } }
    const events = JSON.parse(body) as Event[]
    const faults = events.flatMap(({ page }, index) =>
      page.startsWith('/') ? [] : [{ index, path: 'page', code: 'invalid', message: 'is no page' }],
    )
    if (faults.length > 0) return { status: 400, body: { code: 'RC_INVALID_INPUT', message: 'no', faults } }
    this.posts.push(events)
    return { status: 202, body: { accepted: events.length } }
  }
}

/** Time that passes at once wherever it is waited for. */
export class PatientTime extends ManualTime {
  readonly pauses: number[] = []

  override after(ms: number, call: () => void): () => void {
    this.pauses.push(ms)
    const cancel = super.after(ms, call)
    void this.advance(ms)
    return cancel
  }
}
