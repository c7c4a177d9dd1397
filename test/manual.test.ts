import { afterEach, beforeEach, expect, test } from 'vitest'
import { ADVICE } from '../src/observe/advice.ts'
import { doors } from './support/doors.ts'
import { textOf } from './support/imports.ts'

const BROWSER = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }

let opened: ReturnType<typeof doors>
beforeEach(() => {
  opened = doors({})
})
afterEach(() => opened.app.close())

const page = async (file: string): Promise<string> => (await opened.ask(`/docs/${file}`, BROWSER)).body

test('the documentation is a page to browsers, guarded as the first one, and its text to others', async () => {
  const { headers, body } = await opened.ask('/docs/operating.md', BROWSER)
  expect(headers['content-type']).toBe('text/html; charset=utf-8')
  expect(headers['content-security-policy']).toBe((await opened.ask('/')).headers['content-security-policy'])
  expect(body).not.toMatch(/style=|<script|https?:\/\/[^\s]*"/)
  const text = await opened.ask('/docs/operating.md', { headers: { accept: '*/*' } })
  expect([text.headers['content-type'], text.body]).toEqual(['text/plain; charset=utf-8', textOf('docs/operating.md')])
})

test('help leads to a heading of the page, each once, and none is made of code', async () => {
  const body = await page('operating.md')
  const ids = [...body.matchAll(/<b id="([^"]+)"/g)].map(([, id]) => id!)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { anchor } of Object.values(ADVICE)) expect(ids).toContain(anchor)
  const code = [...textOf('docs/operating.md').matchAll(/^```[\s\S]*?^```$/gm)].map(([block]) => block).join('\n')
  for (const [, line] of code.matchAll(/^#+ (.+)$/gm)) expect(body).not.toContain(`># ${line}</b>`)
})

test('links of the documentation lead to a place that its pages have', async () => {
  for (const file of ['README.md', 'operating.md', 'architecture.md', 'http.md']) {
    const links = [...(await page(file)).matchAll(/<a href="([\w-]*\.md)?(?:#([^"]*))?"/g)]
    expect(links.length).toBeGreaterThan(3)
    for (const [, to = file, anchor] of links)
      if (anchor) expect(await page(to), `${file} to ${to}#${anchor}`).toContain(`id="${anchor}"`)
  }
})

test('marks of HTML in the documentation are shown, not meant', async () => {
  expect(textOf('docs/architecture.md')).toMatch(/<preset>/)
  expect(await page('architecture.md')).not.toMatch(/<preset>/)
})
