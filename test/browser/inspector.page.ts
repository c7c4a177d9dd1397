import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../support/server.ts'
import { Chromium } from './chromium.ts'

const SECRET = 'a secret of thirty-two characters'
const SHOTS = fileURLToPath(new URL('./screenshots/', import.meta.url))
/** As long a change may take from its answer to the chart. */
const SECOND = { timeout: 1_000 }
const KINDS = ['streamer-session', 'viewer', 'visitor', 'feed']

const tokenOf = (scope: string): Promise<string> =>
  new SignJWT({ sub: 'ops', scope, exp: Math.floor(Date.now() / 1_000) + 600 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))

/** In the page: the texts of a chart that are not inside the box or card that is theirs. */
const OUTSIDE = `[...document.querySelectorAll('.chart g[tabindex]')].flatMap(group => {
  const card = group.querySelector('.card, .box').getBBox()
  const isOutside = ({ x, y, width, height }) =>
    x < card.x || y < card.y || x + width > card.x + card.width || y + height > card.y + card.height
  return [...group.querySelectorAll('text')].filter(text => text.textContent && isOutside(text.getBBox())).map(text => text.textContent)
})`

/** In the page, before it loads: a stream that stays, and on which seven steps were lost. */
const LOSING = `const { fetch } = globalThis
globalThis.fetch = (url, options) => {
  if (!String(url).endsWith('/live')) return fetch(url, options)
  const lost = new TextEncoder().encode('event: lost\\ndata: {"frames":7}\\n\\n')
  const start = stream => void setTimeout(() => stream.enqueue(lost), 1_000)
  return Promise.resolve(new Response(new ReadableStream({ start })))
}`

const chromium = new Chromium()
const servers: Record<string, Server> = {}
/** Things that no page may do: complain, or ask anybody but its own server. */
let complaints: string[] = []

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true })
  await chromium.start()
  servers.open = await startServer()
  const { body } = await servers.open.post('/sessions', { userId: 'kim' })
  await servers.open.post(`/sessions/${body.id}/end`, {})
  servers.guarded = await startServer({ ROLLCALL_AUTH_SECRET: SECRET })
  console.log(`screenshots: ${SHOTS}`)
})

afterAll(() => chromium.stop())

afterEach(async () => {
  for (const page of chromium.context.pages().slice(1)) await page.close()
  const said = complaints
  complaints = []
  expect(said).toEqual([])
})

/** A page of a server, with a token in its tab if one is given. */
async function opened(place: string, server = servers.open!, token?: string, before = ''): Promise<Page> {
  const url = await server.url
  const page = await chromium.context.newPage()
  page.setDefaultTimeout(8_000)
  await page.addInitScript(before)
  await page.setViewportSize({ width: 1280, height: 900 })
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('request', request => {
    if (!request.url().startsWith(url)) complaints.push(request.url())
    if (token !== undefined && request.url().includes(token)) complaints.push('a token in an address')
  })
  await page.goto(`${url}/inspect#/${place}`)
  if (token === undefined) return page
  await page.fill('#token', token)
  await page.keyboard.press('Enter')
  return page
}

const shot = (page: Page, name: string): Promise<unknown> => page.screenshot({ path: join(SHOTS, `${name}.png`) })
const lit = (state: string, word: string): string => `[data-state="${state}"].active .count:text-is("● ${word}")`
const said = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText()

/** Takes a streamer through its evening, and holds the chart to each of its states within a second. */
async function evening(page: Page, server: Server, userId: string, headers: Record<string, string> = {}) {
  const { body } = await server.post('/sessions', { userId }, headers)
  await page.waitForSelector(lit('preview', 'now'), SECOND)
  await server.post(`/sessions/${body.id}/preset`, { preset: 'sd' }, headers)
  await page.waitForSelector(lit('live', 'now'), SECOND)
  await page.waitForSelector('[data-edge="preview|session.preset|0"].last', SECOND)
  await shot(page, `live-${userId}`)
  await server.post(`/sessions/${body.id}/end`, {}, headers)
  await page.waitForSelector(lit('ended', 'now'), SECOND)
  await page.waitForSelector('[data-edge="live|session.end|0"].last', SECOND)
}

/** The page of an actor that nobody has heard of, with its chart. */
async function awaiting(userId: string, server = servers.open!, token?: string): Promise<Page> {
  const page = await opened(`streamer-session`, server, token)
  await page.waitForSelector('[data-state="offline"]')
  complaints = []
  await page.fill('#key', userId)
  await page.press('#key', 'Enter')
  await page.waitForSelector('text=No event has come for it yet.')
  await page.waitForSelector('[data-state="offline"]')
  // The browser itself says once of what is not there that it is not.
  complaints = complaints.filter(text => !text.includes('404'))
  return page
}

describe('the inspector', () => {
  test('shows a streamer go online, live and off on its chart, steps back, and says what would have been', async () => {
    const page = await awaiting('sam')
    await shot(page, 'nobody-yet')
    await evening(page, servers.open!, 'sam')
    const before = (await servers.open!.get('/actors/streamer-session/sam')).body

    await page.keyboard.press('ArrowLeft')
    await page.waitForSelector(lit('live', 'then'))
    expect(await said(page, '.why')).toMatch(/^It was live since .+ by session\.preset\. The session goes live\.$/)
    expect(await said(page, '.when')).toContain('The past: after step')
    await shot(page, 'the-past')
    await page.keyboard.press('ArrowLeft')
    await page.waitForSelector('[data-state].active .count:text-is("● then")')
    await page.keyboard.press('Escape')
    await page.waitForSelector(lit('ended', 'now'))

    await page.keyboard.press('ArrowLeft')
    await page.click('text=What if…')
    await page.locator('.imagined-steps input[type=checkbox]').first().uncheck()
    await page.waitForSelector(lit('ended', 'if'))
    await page.locator('.imagined-steps input[type=checkbox]').nth(1).uncheck()
    await page.waitForSelector(lit('preview', 'if'))
    expect(await said(page, '.outcome')).toBe('It would be preview. Really it is ended.')
    await shot(page, 'what-if')
    await page.click('text=Back to what was')
    expect((await servers.open!.get('/actors/streamer-session/sam')).body).toEqual(before)
  })

  test('shows ten thousand viewers as a population that adds up to them, and who they are', async () => {
    const page = await opened('viewer')
    await page.waitForSelector('text=No actor yet. Send one:')
    for (let sent = 0; sent < 10; sent++) {
      const beats = Array.from({ length: 1_000 }, (_, i) => ({ userId: `v${sent * 1_000 + i}`, path: '/live/sam' }))
      expect((await servers.open!.post('/heartbeats', beats)).status).toBe(202)
    }
    await page.waitForSelector('[data-state="watching"] .count:text-is("10,000")')
    expect(await said(page, '.why')).toMatch(/^10,000 actors\./)
    const counts = await page.locator('[data-state] .name + .count').allTextContents()
    expect(counts.reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0)).toBe(10_000)
    await page.waitForSelector('[data-edge="unseen|heartbeat|0"] .count:text-is("10K/min")')
    await page.click('[data-state="watching"] .name')
    await page.waitForSelector('h3:text-is("In watching")')
    await page.fill('#begins', 'v77')
    await page.waitForSelector('.actors li:first-child a:text-is("v77")')
    await shot(page, 'population')
    await page.click('.actors a')
    await page.waitForSelector(lit('watching', 'now'))
  })

  test('is led by the keyboard alone, and reads out what it shows', async () => {
    const page = await opened('')
    await page.waitForSelector('[data-state="live"]')
    const focused = (): Promise<string | null> =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent')
    const tabTo = async (text: string): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        if ((await focused())?.includes(text)) return
      }
      throw new Error(`no Tab leads to ${text}`)
    }
    await tabTo('Skip to the chart')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id + location.hash')).toBe('main#/')
    await tabTo('Skip the chart')
    await page.keyboard.press('Enter')
    expect(await focused()).toBe('Actors')
    await tabTo('State preview')
    expect(await said(page, '.said')).toContain('The session is there but not live.')
    expect(await page.evaluate('getComputedStyle(document.activeElement.querySelector(".box")).strokeWidth')).toBe(
      '3px',
    )
    await page.keyboard.press('Enter')
    await page.waitForSelector('h3:text-is("In preview")')
    await tabTo('session.preset if to live leads from preview to live')
    expect(await said(page, '.said')).toContain('The session goes live.')
  })

  test.each(['light', 'dark'] as const)('fits a phone and a desk in the %s', async colorScheme => {
    for (const place of ['streamer-session/kim', 'viewer']) {
      const page = await opened(place)
      await page.emulateMedia({ colorScheme })
      await page.waitForSelector('.active, .nobody')
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(ground).toBe(colorScheme === 'light' ? 'rgb(244, 246, 249)' : 'rgb(18, 22, 29)')
      const [name] = place.split('/')
      await shot(page, `${name}-${colorScheme}`)
      await page.setViewportSize({ width: 360, height: 780 })
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
      await shot(page, `${name}-${colorScheme}-phone`)
      await page.close()
    }
  })

  test.each(KINDS)('draws the chart of a %s with all of its text inside its card', async kind => {
    const page = await opened(kind)
    await page.waitForSelector('[data-state] .count:not(:empty)')
    const outside = await page.evaluate(OUTSIDE)
    expect(outside).toEqual([])
    await page.locator('.chart').screenshot({ path: join(SHOTS, `chart-${kind}.png`) })
  })

  test('shows a text as a text, whatever is in it', async () => {
    const title = '<img src=x onerror="document.title=1"><b>bold</b>'
    await servers.open!.post('/sessions', { userId: title, title })
    const page = await opened(`streamer-session/${encodeURIComponent(title)}`)
    await page.waitForSelector(lit('preview', 'now'))
    expect(await said(page, 'h2')).toContain(title)
    expect(await page.locator('main img, main b b, h2 b').count()).toBe(0)
  })

  test('says that steps were lost on the way, and reads them from the log', async () => {
    const page = await opened('streamer-session/kim', servers.open!, undefined, LOSING)
    await page.waitForSelector('text=7 steps were lost on the way here')
    await page.click('text=Read them from the log')
    await page.waitForSelector('.steps .event:text-is("session.end")')
  })

  test('says that data leaves before any does, and lets none out unasked', async () => {
    const page = await opened('streamer-session/kim')
    await page.click('text=Open in Stately’s inspector…')
    expect(await said(page, 'dialog')).toContain('This sends data to stately.ai')
    await shot(page, 'stately')
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog', { state: 'hidden' })
    expect(chromium.context.pages()).toHaveLength(2)
  })

  test('hands an actor over to Stately’s page once that was agreed to', async () => {
    const listening = `<script>
      globalThis.heard = []
      addEventListener('message', ({ data }) => heard.push(data.type))
      opener.postMessage({ type: '@statelyai.connected' }, '*')
    </script>`
    await chromium.context.route('https://stately.ai/**', route =>
      route.fulfill({ contentType: 'text/html', body: listening }),
    )
    const { body } = await servers.open!.post('/sessions', { userId: 'eve' })
    const page = await opened('streamer-session/eve')
    await page.waitForSelector(lit('preview', 'now'))
    await page.click('text=Open in Stately’s inspector…')
    const [stately] = await Promise.all([
      chromium.context.waitForEvent('page'),
      page.click('text=Hand it to stately.ai'),
    ])
    await stately.waitForFunction('heard.includes("@xstate.actor")')
    await servers.open!.post(`/sessions/${body.id}/preset`, { preset: 'sd' })
    await stately.waitForFunction('heard.includes("@xstate.event") && heard.includes("@xstate.snapshot")')
    await chromium.context.unrouteAll()
  })
})

describe('with authentication', () => {
  test('is an empty shell until an operator’s token is given, and then the same page', async () => {
    const server = servers.guarded!
    const token = await tokenOf('operator')
    const headers = { authorization: `Bearer ${token}` }
    const page = await awaiting('tom', server, token)
    await evening(page, server, 'tom', headers)
    await page.keyboard.press('ArrowLeft')
    await page.waitForSelector(lit('live', 'then'))
    await page.click('text=Forget the token')
    await page.waitForSelector('#token')
    expect(await page.evaluate('[sessionStorage.length, localStorage.length]')).toEqual([0, 0])
  })

  test('asks for nothing before, and says of another token that it is none', async () => {
    const page = await opened('streamer-session/tom', servers.guarded)
    await page.waitForSelector('#token')
    await shot(page, 'token')
    expect(complaints).toEqual([])
    await page.fill('#token', await tokenOf('service'))
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=but no operator’s')
    await page.fill('#token', 'nonsense')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=That token is not valid')
    complaints = complaints.filter(text => !/40[13]/.test(text))
  })
})
