import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClientOptions, RollcallClient } from '../../src/client/index.ts'
import { type Server, startServer } from '../support/server.ts'
import { Chromium } from './chromium.ts'
import { Site } from './site.ts'

/** A page of the site, as a script in it sees it. */
interface Global {
  RollcallClient: typeof RollcallClient
  client: RollcallClient
  localStorage: ClientOptions['storage'] & { length: number; clear(): void }
  document: { visibilityState: string }
}

/** Longer than any test takes: what goes out sooner did not wait to be collected. */
const COLLECT_MS = 3_600_000

const chromium = new Chromium()
let server: Server
let site: Site
let url: string

beforeAll(async () => {
  await chromium.start()
  server = await startServer()
})

afterAll(() => chromium.stop())

// Each test has a site of its own, and so a storage.
beforeEach(async () => {
  site = new Site(await server.url)
  url = await site.start()
})

afterEach(async () => {
  await chromium.context.setOffline(false)
  for (const page of chromium.context.pages().slice(1)) await page.close()
  await site.close()
})

/** A tab with a client on it, by a device whose clock is so far ahead. */
async function tab(collectMs = COLLECT_MS, aheadMs = 0): Promise<Page> {
  const page = await chromium.context.newPage()
  await page.addInitScript(ahead => {
    const { now } = Date
    Date.now = () => now() + ahead
  }, aheadMs)
  await page.goto(url)
  await page.waitForFunction(() => 'RollcallClient' in globalThis)
  await page.evaluate(collectMs => {
    const { RollcallClient, localStorage: storage } = globalThis as unknown as Global
    ;(globalThis as unknown as Global).client = new RollcallClient({ url: '/api/', collectMs, storage: storage! })
  }, collectMs)
  return page
}

const watch = (page: Page, userId: string): Promise<unknown> =>
  page.evaluate(userId => {
    ;(globalThis as unknown as Global).client.watch({ userId, path: `/live/${userId}` })
  }, userId)

const beat = (page: Page, userId: string): Promise<unknown> =>
  page.evaluate(userId => (globalThis as unknown as Global).client.beat({ userId, path: `/live/${userId}` }), userId)

const visit = (page: Page, sessionId: string, id: string): Promise<unknown> =>
  page.evaluate(
    ([sessionId, id]) =>
      (globalThis as unknown as Global).client.event({ sessionId: sessionId!, id: id!, page: `/${id}` }),
    [sessionId, id],
  )

const waitingOf = (page: Page): Promise<number> => page.evaluate(() => (globalThis as unknown as Global).client.waiting)

const alive = async (stream: string): Promise<number> => (await server.get(`/sessions/${stream}/viewers`)).body.alive

async function visited(sessionId: string): Promise<string[]> {
  const { webSessions } = (await server.get(`/web-sessions?visitor=${sessionId}`)).body
  return webSessions.flatMap(({ eventIds }: { eventIds: string[] }) => eventIds).sort()
}

const soon = { timeout: 15_000 }

describe('the client in a page', () => {
  test('sends at once in a tab that is hidden, and not before', async () => {
    const page = await tab()
    await beat(page, 'hidden-1')
    await visit(page, 'hidden', 'e1')
    expect([await waitingOf(page), await visited('hidden')]).toEqual([2, []])
    await chromium.context.newPage()
    expect(await page.evaluate(() => (globalThis as unknown as Global).document.visibilityState)).toBe('hidden')
    await expect.poll(() => visited('hidden'), soon).toEqual(['e1'])
    await expect.poll(() => alive('hidden-1'), soon).toBe(1)
    await beat(page, 'hidden-2')
    await expect.poll(() => alive('hidden-2'), soon).toBe(1)
  })

  test.each([-3 * 3_600_000, 5 * 3_600_000])('is alive on a device whose clock is %i ms ahead', async ahead => {
    const page = await tab(COLLECT_MS, ahead)
    await watch(page, `skew${ahead}`)
    await expect.poll(() => alive(`skew${ahead}`), soon).toBe(1)
  })

  test('leaves what two tabs had without a connection to the next', async () => {
    const tabs = [await tab(20), await tab(20)]
    await chromium.context.setOffline(true)
    for (const [index, page] of tabs.entries()) await visit(page, 'tabs', `${index}-1`)
    for (const [index, page] of tabs.entries()) await visit(page, 'tabs', `${index}-2`)
    for (const page of tabs) await page.close()
    await chromium.context.setOffline(false)
    expect(await visited('tabs')).toEqual([])
    const next = await tab(20)
    await expect.poll(() => visited('tabs'), soon).toEqual(['0-1', '0-2', '1-1', '1-2'])
    await expect.poll(() => waitingOf(next), soon).toBe(0)
  })

  test('sends what it has when its page goes', async () => {
    const page = await tab()
    for (let n = 0; n < 120; n++) await visit(page, 'left', `e${String(n).padStart(3, '0')}`)
    await beat(page, 'left')
    expect(await waitingOf(page)).toBe(121)
    await page.evaluate(() => (globalThis as unknown as Global).localStorage!.clear())
    await page.goto(`${url}/elsewhere`)
    await expect.poll(async () => (await visited('left')).length, soon).toBe(120)
    await expect.poll(() => alive('left'), soon).toBe(1)
  })

  test('goes on where the storage is full, and keeps there what fits', async () => {
    const page = await tab(20)
    await page.evaluate(() => {
      const { localStorage } = globalThis as unknown as Global
      for (let size = 2 ** 22; size >= 1; size = Math.floor(size / 2)) {
        for (;;) {
          try {
            localStorage!.setItem(`other-${localStorage!.length}`, 'x'.repeat(size))
          } catch {
            // As much as this does not fit any more: half of it may.
            break
          }
        }
      }
    })
    await visit(page, 'full', 'e1')
    await expect.poll(() => visited('full'), soon).toEqual(['e1'])
    await page.evaluate(() => (globalThis as unknown as Global).localStorage!.setItem('other-0', ''))
    await chromium.context.setOffline(true)
    await visit(page, 'full', 'e2')
    await page.close()
    await chromium.context.setOffline(false)
    await tab(20)
    await expect.poll(() => visited('full'), soon).toEqual(['e1', 'e2'])
  })
})
