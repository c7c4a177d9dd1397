import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ClientOptions, type Refusal, RollcallClient } from '../../src/client/index.ts'

export const NOON = Date.UTC(2026, 0, 1, 12)
export const HOUR = 3_600_000

export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'no connection'

export interface Sent {
  path: string
  records: Record<string, unknown>[]
  authorization: string | null
  bytes: number
  keepalive: boolean
}

/** The clocks of a device and of the server. */
export const clocks = { device: NOON, server: NOON }

/** A client whose server answers as told, then takes everything; its sleep is short and counted. */
export function client(answers: Answer[] = [], options: Partial<ClientOptions> = {}) {
  const sent: Sent[] = []
  const refusals: Refusal[] = []
  const slept: number[] = []
  const asked: string[] = []
  const made = new RollcallClient({
    url: 'http://rollcall',
    refused: refusal => refusals.push(refusal),
    now: () => clocks.device,
    async sleep(ms) {
      slept.push(ms)
      await nextTurn()
    },
    async fetch(url, init) {
      const path = String(url).replace('http://rollcall', '')
      const headers = { 'rollcall-time': String(clocks.server) }
      if (path.endsWith('/livez')) {
        asked.push(path)
        if (answers[0] === 'no connection') throw new TypeError('fetch failed')
        return new Response('{"live":true}', { headers })
      }
      const authorization = new Headers(init!.headers).get('authorization')
      const body = String(init!.body)
      const keepalive = init!.keepalive === true
      sent.push({ path, records: JSON.parse(body), authorization, bytes: Buffer.byteLength(body), keepalive })
      const answer = answers.shift() ?? { status: 202 }
      if (answer === 'no connection') throw new TypeError('fetch failed')
      return new Response(JSON.stringify(answer.body ?? {}), {
        status: answer.status,
        headers: { ...headers, ...answer.headers },
      })
    },
    ...options,
  })
  return { made, sent, refusals, slept, asked }
}

/** Lets go on what waits for turns of the event loop only. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

/** A storage that tabs share. */
export const memory = (text: string | null = null) => {
  const store = {
    text,
    getItem: () => store.text,
    setItem(_name: string, value: string) {
      store.text = value
    },
  }
  return store
}

/** A token as it looks from outside; the server alone would mind its signature. */
export const tokenOf = (claims: Record<string, unknown>): string =>
  ['{"alg":"HS256"}', JSON.stringify(claims), 'x'].map(part => Buffer.from(part).toString('base64url')).join('.')

export const refusedFor = (code: string, ...indices: number[]): Answer => ({
  status: 400,
  body: {
    code: 'RC_INVALID_INPUT',
    message: 'no',
    faults: indices.map(index => ({ index, path: 'at', code, message: 'no' })),
  },
})
