import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { tokenOf } from '../support/doors.ts'
import { type Env, type Server, startServer } from '../support/server.ts'
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

async function open(env: Env = {}): Promise<void> {
  server = await startServer(env)
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

const figure = (name: string) => page.locator(`[data-figure="${name}"]`)
const becomes = (name: string, text: string): Promise<void> =>
  figure(name)
    .filter({ hasText: new RegExp(`^${text}$`) })
    .waitFor({ timeout: 5_000 })

describe('the first page, in a browser', () => {
  test('keeps its figures up to date, in light and dark, and on a phone', async () => {
    await open({ ROLLCALL_FLUSH_MS: '50' })
    expect(await page.locator('h2').innerText()).toBe('Ready')
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
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
    await picture('front-phone')
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
})
