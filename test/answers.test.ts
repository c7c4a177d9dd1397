import { expect, test } from 'vitest'
import { unlike } from './support/answers.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const session = { id: 's', userId: 'u', active: true, metadata: { name: null, viewerCount: 0 } }
const withoutSession = { alive: 0, attendance: 0, streams: 0 }
const viewers = { alive: 1, attendance: 1, bySession: {}, withoutSession }

test.each([
  ['a field of another type', '/sessions/s', 200, JSON_TYPE, { ...session, active: 'yes' }],
  ['a field that is not described', '/viewers', 200, JSON_TYPE, { ...viewers, more: 1 }],
  ['a status that is not described', '/sessions/s', 418, JSON_TYPE, {}],
  ['a code of another route', '/sessions/s', 404, JSON_TYPE, { code: 'RC_NOT_FOUND', message: 'x' }],
  ['another type', '/sessions/s', 200, 'text/html', '<p>'],
  ['an answer of no route', '/nothing', 200, JSON_TYPE, {}],
])('the tests from outside see %s', (_what, path, status, type, body) => {
  expect(unlike('GET', path, status, type, body)).toContain(`GET ${path}: ${status}`)
})

test.each([
  ['/sessions/s?x=1', 200, session],
  ['/viewers', 200, viewers],
  ['/sessions/s', 404, { code: 'RC_SESSION_NOT_FOUND', message: 'x' }],
  ['/nothing', 404, { code: 'RC_NOT_FOUND', message: 'x' }],
])('the tests from outside find nothing in what %s answers with %i', (path, status, body) => {
  expect(unlike('GET', path, status, JSON_TYPE, body)).toBeNull()
})
