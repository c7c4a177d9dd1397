import { expect, test } from 'vitest'

/** The page's own module, as a browser loads it. */
const FILE = new URL('../src/bridge/http/inspect/page/place.js', import.meta.url).href
const page = await import(FILE)
const placeOf = (hash: string) => page.placeOf(hash, ['streamer-session', 'viewer'])

test('an address behind # leads to a kind, or to an actor whatever its key', () => {
  expect(placeOf('')).toEqual({ kind: 'streamer-session', key: undefined, state: '' })
  expect(placeOf('#/viewer?state=away')).toEqual({ kind: 'viewer', key: undefined, state: 'away' })
  expect(placeOf('#/viewer/a%2Fb%20%25')).toEqual({ kind: 'viewer', key: 'a/b %', state: '' })
})

test.each([
  '#/viewer/%zz',
  '#/viewer/%',
  '#/viewer/.',
  '#/viewer/..',
  '#/viewer/%2e%2E',
])('of %s it is said why it leads nowhere', hash => {
  expect(placeOf(hash)).toMatchObject({ kind: 'viewer', nowhere: expect.any(String) })
})
