import { describe, expect, test } from 'vitest'
import { Subscriptions } from '../src/bridge/subscriptions.ts'
import { doors as withParts } from './support/doors.ts'
import type { Env } from './support/server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const BEAT = '{"userId":"ann","path":"/"}'
const LATIN = Buffer.from('{"userId":"ren\xe9","path":"/"}', 'latin1')

const doors = () => {
  const { app, appended, bridge, request } = withParts({})
  Object.assign(bridge.documents, { upsertMany: async () => {}, removeMany: async () => {} })
  Object.assign(bridge, { subscriptions: new Subscriptions(bridge.documents) })
  const send = async (url: string, payload: string | Buffer | undefined, headers: Env = JSON_TYPE, method = 'POST') => {
    const all = { host: 'localhost', ...headers }
    const reply = await app.inject({ method: method as 'POST', url, headers: all, ...(payload && { payload }) })
    return { status: reply.statusCode, code: reply.json().code, headers: reply.headers, body: reply.json() }
  }
  return { app, appended, request, send }
}

describe('bytes that are not UTF-8', () => {
  test.each([0xe8, 0xe9, 0xea])('make no user of a body: %d', async byte => {
    const { send, appended } = doors()
    const body = Buffer.from(`{"userId":"ren${String.fromCharCode(byte)}","path":"/"}`, 'latin1')
    expect(await send('/heartbeats', body)).toMatchObject({ status: 400, code: 'RC_INVALID_JSON' })
    expect(appended).toEqual([])
  })

  test('are no missing signature of a webhook', async () => {
    const body = Buffer.from('{"time_ms":1,"events":[{"name":"x","channel":"zo\xeb"}]}', 'latin1')
    expect(await doors().send('/pusher/webhook', body)).toMatchObject({ status: 400, code: 'RC_INVALID_JSON' })
  })

  test('make no user of a message over NATS', async () => {
    const { request, appended } = doors()
    const utf8 = Buffer.from('{"userId":"rené","path":"/"}')
    expect(await request('heartbeats.a', utf8)).toMatchObject({ accepted: 1 })
    expect(await request('heartbeats.a', LATIN)).toMatchObject({ code: 'RC_INVALID_JSON' })
    expect(appended.map(({ key }) => key)).toEqual(['rené'])
  })

  test.each([
    '/web-sessions?visitor=ren%E9',
    '/sessions?active=true&after=%C3',
    '/sessions?%E9=1',
    '/web-sessions?visitor=%ED%A0%80',
    '/web-sessions?visitor=50%',
    '/sessions/ren%E9/viewers',
  ])('make no address: %s', async url => {
    expect(await doors().send(url, undefined, {}, 'GET')).toMatchObject({ status: 400, code: 'RC_BAD_REQUEST' })
  })

  test('make no member of a channel, in a form or in the encoding of one', async () => {
    const { send } = doors()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = 'socket_id=1.1&channel_name=private-user%40ren%C3%A9&user_id=ren'
    expect((await send('/pusher/auth', `${form}%C3%A9`, type)).code).toBe('RC_NOT_CONFIGURED')
    for (const bad of [Buffer.from(`${form}\xe9`, 'latin1'), `${form}%E9`])
      expect(await send('/pusher/auth', bad, type)).toMatchObject({ status: 400, code: 'RC_BAD_REQUEST' })
  })
})

describe('a body', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json; charset=utf8',
    'application/json; charset=us-ascii',
    'Application/JSON ; Charset=Utf-8; version=1',
  ])('is read as %s', async type => {
    expect((await doors().send('/heartbeats', BEAT, { 'content-type': type })).status).toBe(202)
  })

  test.each([
    'utf-16le',
    'UTF-16',
    'iso-8859-1',
    'windows-1252',
    '"utf-7"',
    'x',
  ])('is not read in %s', async charset => {
    const { send } = doors()
    const [json, form] = ['application/json', 'application/x-www-form-urlencoded']
    for (const [url, type] of [
      ['/heartbeats', json],
      ['/pusher/auth', form],
      ['/pusher/webhook', json],
    ] as const) {
      const reply = await send(url, BEAT, { 'content-type': `${type}; charset=${charset}` })
      expect(reply).toMatchObject({ status: 415, code: 'RC_UNSUPPORTED_MEDIA_TYPE' })
    }
  })

  test.each([
    'gzip',
    'br',
    'deflate',
    'GZIP',
    'identity, gzip',
    'zstd',
    'aes128gcm',
  ])('is not unpacked by %s', async encoding => {
    const { send } = doors()
    for (const url of ['/heartbeats', '/pusher/auth', '/pusher/webhook']) {
      const reply = await send(url, BEAT, { ...JSON_TYPE, 'content-encoding': encoding })
      expect(reply).toMatchObject({ status: 415, code: 'RC_UNSUPPORTED_MEDIA_TYPE' })
      expect(reply.headers['accept-encoding']).toBe('identity')
    }
  })

  test.each(['identity', 'Identity', ''])('is read as it is where its encoding is %j', async encoding => {
    expect((await doors().send('/heartbeats', BEAT, { ...JSON_TYPE, 'content-encoding': encoding })).status).toBe(202)
  })
})

describe('an empty body', () => {
  const EMPTY: [string, Env][] = [
    ['JSON', JSON_TYPE],
    ['JSON with a charset', { 'content-type': 'application/json; charset=utf-8' }],
    ['a form, as curl -d says', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text, as fetch says', { 'content-type': 'text/plain;charset=UTF-8' }],
    ['no type at all', { 'content-type': '' }],
    ['gzip', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    ['JSON of a length that was not told', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }],
    ['text of a length that was not told', { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }],
    ['no type and a length that was not told', { 'transfer-encoding': 'chunked' }],
  ]
  test.each(EMPTY)('is none where a route takes none, said to be %s', async (_, headers) => {
    const { send } = doors()
    const routes = ['PUT /users/u/followers/f', 'DELETE /users/u/followers/f', 'DELETE /users/u/registrations/r']
    for (const route of routes) {
      const [method, url] = route.split(' ') as [string, string]
      expect((await send(url, undefined, headers, method)).status, route).toBe(200)
    }
    expect((await send('/sessions/s/end', undefined, headers)).code).toBe('RC_SESSION_NOT_FOUND')
    expect((await send('/parked/viewer/nobody/retry', undefined, headers)).code).toBe('RC_NOT_FOUND')
  })

  test.each(EMPTY)('is no record, said to be %s', async (_, headers) => {
    expect(await doors().send('/heartbeats', undefined, headers)).toMatchObject({
      status: 400,
      code: 'RC_INVALID_JSON',
    })
  })

  test('is told from one that is not, whose type there is not', async () => {
    const { app, send } = doors()
    const headers = { host: 'localhost', 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
    for (const url of ['/sessions/s/end', '/heartbeats']) {
      expect((await app.inject({ method: 'POST', url, headers, payload: BEAT })).statusCode).toBe(415)
      expect((await send(url, BEAT, { 'content-type': 'text/plain' })).status).toBe(415)
    }
    expect((await send('/nothing', BEAT, { 'content-type': 'text/plain' })).code).toBe('RC_NOT_FOUND')
  })
})
