import { Agent, request } from 'node:http'

/** Viewers who beat over HTTP in arrays of 100, and what can be asked of them after. */
const BATCH = 100
const SENDERS = 16
const PAGE = '/sessions/6b042fa2a1ad9d79cc18'
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

interface Answer {
  status: number
  text: string
  position: string | undefined
}

export function ask(url: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { agent, method: body ? 'POST' : 'GET', headers: { 'content-type': 'application/json', ...headers } },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        response.once('error', reject).once('end', () => {
          const position = response.headers['rollcall-position'] as string | undefined
          resolve({ status: response.statusCode!, text, position })
        })
      },
    )
    sent.once('error', reject)
    sent.end(body && JSON.stringify(body))
  })
}

export const beat = (n: number) => ({
  userId: `user-${n}`,
  path: `${PAGE}${String(n % 100).padStart(4, '0')}`,
  country: 'TW',
  groups: ['free'],
})

/** Sends a hundred beats of those from `first` on. */
export async function sendBatch(url: string, first: number, viewers: number): Promise<string> {
  const beats = Array.from({ length: Math.min(BATCH, viewers) }, (_, i) => beat((first + i) % viewers))
  const { status, text, position } = await ask(url, '/heartbeats', beats)
  if (status !== 202) throw new Error(`beats were answered ${status}: ${text.slice(0, 500)}`)
  return position!
}

/** Each viewer beats once; resolves when all of it is committed and readable. */
export async function fill(url: string, viewers: number): Promise<void> {
  const lasts = new Map<string, number>()
  let next = 0
  const sender = async (): Promise<void> => {
    while (next < viewers) {
      const first = next
      next += BATCH
      for (const position of (await sendBatch(url, first, viewers)).split(',')) {
        const [partition, seq] = position.split('-') as [string, string]
        lasts.set(partition, Math.max(lasts.get(partition) ?? 0, Number(seq)))
      }
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
  await readable(url, [...lasts].map(([partition, seq]) => `${partition}-${seq}`).join(','))
}

/** Resolves when what has this position can be read. */
export async function readable(url: string, position: string): Promise<void> {
  while ((await ask(url, '/viewers', undefined, { 'rollcall-after': position })).status !== 200);
}

/** How many are alive, as `/viewers` says; null where it does not answer. */
export async function alive(url: string): Promise<number | null> {
  const { status, text } = await ask(url, '/viewers')
  return status === 200 ? (JSON.parse(text) as { alive: number }).alive : null
}
