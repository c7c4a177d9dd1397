import { expect, test } from 'vitest'
import { type Body, startServer } from '../support/server.ts'

const SESSIONS = 4_999
const ENDED = 400
const AT_ONCE = 100

/** Works through all of them, so many at once. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < all.length; n += AT_ONCE) await Promise.all(all.slice(n, n + AT_ONCE).map(work))
}

test(`the first page and the population show as many sessions, of ${SESSIONS}, as the API lists`, async () => {
  const server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
  const ids: string[] = []
  await each(
    Array.from({ length: SESSIONS }, (_, n) => `u${n}`),
    async userId => ids.push((await server.post('/sessions', { userId })).body.id),
  )
  await each(ids.slice(0, ENDED), id => server.post(`/sessions/${id}/end`, {}))
  let listed = 0
  for (let next: string | undefined = ''; next !== undefined; ) {
    const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`
    const { body }: { body: Body } = await server.get(`/sessions?active=true&limit=1000${after}`, { after: true })
    listed += body.sessions.length
    next = body.next
  }
  expect(listed).toBe(SESSIONS - ENDED)
  const { body } = await server.get('/inspect/population/streamer-session')
  expect(body.states).toEqual({ preview: listed, ended: ENDED })
  // A look that takes too long says that it does not know.
  const shown = async () =>
    /data-figure="sessions">([^<]+)</.exec(await (await fetch(`${await server.url}/`)).text())![1]
  await expect.poll(shown, { timeout: 5_000, interval: 500 }).toBe(listed.toLocaleString('en'))
}, 60_000)
