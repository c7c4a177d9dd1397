import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backends, startServer, temporaryDirectory } from '../support/server.ts'

const ENV = { ROLLCALL_SHARDS: '1', ROLLCALL_PARTITIONS: '4' }
const headers = { 'content-type': 'application/json' }

/** Sends beats of users of its own until one is refused, and answers those that were accepted. */
async function beat(url: string, name: string, until: () => boolean): Promise<string[]> {
  const accepted: string[] = []
  while (!until()) {
    const userId = `${name}-${accepted.length}`
    const body = JSON.stringify({ userId, path: '/' })
    const reply = await fetch(`${url}/heartbeats`, { method: 'POST', headers, body }).catch(() => null)
    if (reply?.status !== 202) return accepted
    accepted.push(userId)
  }
  return accepted
}

const name = 'of two servers of one directory that do not see each other’s lock the first ends, and nothing is lost'
test.skipIf(backends.areServers)(name, { timeout: 120_000 }, async () => {
  const data = temporaryDirectory()
  const first = await startServer(ENV, data)
  const ofFirst = beat(await first.url, 'first', () => false)
  // In another network namespace the name of the lock is free; without its secret it is another name.
  rmSync(join(data, 'lock'))
  const host = readFileSync(join(data, 'host'), 'utf8')
  writeFileSync(join(data, 'host'), host.replace(/\[\d+\]/, '[1]'))
  const second = await startServer(ENV, data)
  let isOver = false
  const ofSecond = beat(await second.url, 'second', () => isOver)
  expect([await first.code(20_000), first.output]).toEqual([1, expect.stringContaining('RC_FENCED: Another')])
  isOver = true
  const accepted = [...(await ofFirst), ...(await ofSecond)]
  expect(accepted.length).toBeGreaterThan(10)
  await second.restart()
  await second.post(
    '/heartbeats',
    [...'abcdefgh'].map(userId => ({ userId, path: '/' })),
  )
  const { attendance } = (await second.get('/viewers', { after: true })).body
  expect(attendance).toBe(accepted.length + 8)
})
