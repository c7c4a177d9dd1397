import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { inDocuments } from '../support/behind-its-back.ts'
import { tokenOf } from '../support/doors.ts'
import { type Body, type Env, type Server, startServer, temporaryDirectory } from '../support/server.ts'
import { Chromium } from './chromium.ts'

const SECRET = 'a secret of thirty-two characters'
const OPERATOR = 'another secret of thirty-two chars'
/** Where pictures are kept; nowhere unless told. */
const PICTURES = process.env.ROLLCALL_TEST_PICTURES

const chromium = new Chromium()
let server: Server
let page: Page
const faults: string[] = []

beforeAll(() => chromium.start())
afterAll(() => chromium.stop())
afterEach(async () => {
  await page.close()
  expect(faults).toEqual([])
})

async function open(env: Env = {}, data?: string): Promise<void> {
  server = await startServer(env, data)
  page = await chromium.context.newPage()
  const url = await server.url
  page.on('console', message => {
    // Chromium says so of every answer like that.
    if (message.type() === 'error' && !message.text().includes('status of 401')) faults.push(message.text())
  })
  page.on('pageerror', error => faults.push(String(error)))
  page.on('request', request => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(request.url())
  })
  await page.goto(`${url}/`)
}

async function picture(name: string): Promise<void> {
  if (!PICTURES) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

async function onPhone(name: string): Promise<void> {
  await page.setViewportSize({ width: 360, height: 740 })
  expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
  await picture(name)
}

/** Flips a bit of the text wherever it lies in the state, as a disk does that fails, under the running server. */
function spoil(text: string): void {
  const path = join(server.data, 'state', 'data.mdb')
  const bytes = readFileSync(path)
  const file = openSync(path, 'r+')
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1))
    writeSync(file, Buffer.from([bytes[at]! ^ 1]), 0, 1, at)
  closeSync(file)
}

const figure = (name: string) => page.locator(`[data-figure="${name}"]`)
const becomes = (name: string, text: string): Promise<void> =>
  figure(name)
    .filter({ hasText: new RegExp(`^${text}$`) })
    .waitFor({ timeout: 5_000 })

describe('the first page, in a browser', () => {
  test('keeps its figures up to date, in light and dark, and on a phone', async () => {
    await open({ ROLLCALL_FLUSH_MS: '50' })
    expect(await page.locator('h2').first().innerText()).toBe('✓ Ready')
    await server.post(
      '/heartbeats',
      Array.from({ length: 30 }, (_, n) => ({ userId: `u${n}`, path: '/' })),
    )
    await server.post('/sessions', { userId: 'sam' })
    await becomes('viewers', '30')
    await becomes('sessions', '1')
    await picture('front-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture('front-dark')
    await onPhone('front-phone')
  })

  test('says within three seconds that there is no answer', async () => {
    await open()
    await page.locator('h2', { hasText: 'Ready' }).waitFor()
    await server.stop()
    await page.locator('#fault', { hasText: 'No answer' }).waitFor({ timeout: 3_000 })
    expect(await page.locator('#figures.stale').count()).toBe(1)
    await picture('front-away')
    faults.length = 0
  })

  test('asks for an operator’s token by keyboard alone, and shows nothing before', async () => {
    await open({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: OPERATOR })
    await picture('front-token')
    expect(await figure('viewers').count()).toBe(0)
    await page.locator('#bearer').focus()
    await page.keyboard.type('nonsense')
    await page.keyboard.press('Enter')
    await page.locator('#fault', { hasText: 'token' }).waitFor()
    await page.locator('#bearer').fill(await tokenOf({ scope: 'service', exp: undefined }, OPERATOR))
    await page.locator('#bearer').press('Enter')
    await figure('viewers').waitFor()
    expect(await page.locator('#token').isVisible()).toBe(false)
  })

  test('shows 5,000 live sessions, those with most viewers first, as the API has them', async () => {
    const data = temporaryDirectory()
    await (await startServer({}, data)).stop()
    const ids = Array.from({ length: 5_000 }, (_, n) => `${5_000 - n}`.padStart(24, '0'))
    const sessions = ids.map((id, n) => {
      const rating = { current: 4, currentCount: n, previous: 0, previousCount: 0 }
      const more = { statuses: { created: '2026-01-01T12:00:00.000Z' }, status: { preset: 'sd' }, rating }
      return { id, seq: 1, set: { active: true, userId: `streamer-${n}`, title: `Show ${n}`, ...more } }
    })
    await inDocuments(data, documents => documents.upsertMany('sessions', sessions))
    await open({ ROLLCALL_FLUSH_MS: '50' }, data)
    const beats = ids
      .slice(0, 60)
      .flatMap((id, n) => Array.from({ length: 60 - n }, (_, v) => ({ userId: `v-${n}-${v}`, path: `/live/${id}` })))
    for (let n = 0; n < beats.length; n += 500) await server.post('/heartbeats', beats.slice(n, n + 500))
    await becomes('viewers', beats.length.toLocaleString('en'))
    await becomes('sessions', '5,000')
    const { body: viewers } = await server.get('/viewers', { after: true })
    expect(viewers.alive).toBe(beats.length)
    const rows = (): Promise<[string, number][]> =>
      page
        .locator('[data-viewers]')
        .evaluateAll(all => all.map(each => [each.getAttribute('data-viewers')!, Number(each.textContent)]))
    for (const [link, from] of [
      [null, 0],
      ['Those behind', 25],
    ] as const) {
      if (link) await page.getByRole('link', { name: link }).click()
      const shown = async () => (await rows()).map(([id]) => id)
      await expect.poll(shown, { timeout: 5_000 }).toEqual(ids.slice(from, from + 25))
      for (const [id, count] of await rows()) expect(count, id).toBe((viewers.bySession as Body)[id].alive)
    }
    await page.getByRole('link', { name: 'Those before' }).focus()
    await page.waitForTimeout(2_500)
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Those before')
    const { body } = await server.get('/figures.json?sessions=200')
    expect(body.sessions).toMatchObject({ count: 5_000, page: 200, pages: 200 })
    await picture('front-many')
  })

  test('says within three seconds that a partition stopped, and which command mends it', async () => {
    await open({ ROLLCALL_FLUSH_MS: '50' })
    const visit = { sessionId: 'v', page: '/', source: { source: 'Zyzzyva-unmistakable' } }
    await server.post('/events', { ...visit, ts: Date.now() - 2_000 })
    await server.get('/web-sessions?visitor=v', { after: true })
    await becomes('web-sessions', '1')
    spoil('Zyzzyva-unmistakable')
    const wrong = page.locator('[data-wrong="RC_DOCUMENT_CORRUPT"]', { hasText: /Partition \d+:/ })
    expect(await wrong.count()).toBe(0)
    await server.post('/events', { ...visit, ts: Date.now() - 1_000, page: '/next' })
    await wrong.waitFor({ timeout: 3_000 })
    expect(await page.locator('h2').first().innerText()).toBe('✗ Not ready')
    expect(await wrong.locator('pre').innerText()).toBe('rollcall repair --accept-loss')
    expect(await page.locator('[data-partition]', { hasText: '✗ RC_DOCUMENT_CORRUPT' }).count()).toBe(1)
    await picture('front-wrong')
    await page.emulateMedia({ colorScheme: 'dark' })
    await onPhone('front-wrong-phone')
    await wrong.getByRole('link', { name: 'More' }).click()
    const place = page.locator(':target')
    expect(`#${await place.getAttribute('id')}`).toBe(new URL(page.url()).hash)
    expect(await place.innerText()).toMatch(/^##+ /)
    await onPhone('manual-phone')
    await server.kill()
  })
})
