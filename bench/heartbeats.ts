import { bare, deployment, lean, load, medianOf, type Request, ratioOf, rounds } from './http/load.ts'
import { ROUNDS, say, thousands } from './measure.ts'

/**
 * Heartbeats over HTTP, each answered when the log has it durably, against a bare node:http server that reads one and
 * answers 202, and against one that commits it to LMDB and has nothing behind it.
 */
const USERS = 50_000
const BATCH = 100

let user = 0
const beat = () => ({
  userId: `user-${user++ % USERS}`,
  path: '/sessions/6b042fa2a1ad9d79cc18eec5',
  country: 'TW',
  groups: ['free'],
})
const single = (connections: number): Request => ({ method: 'POST', path: '/heartbeats', body: beat, connections })
const arrays: Request = { ...single(256), body: () => Array.from({ length: BATCH }, beat) }

const servers = { bare: await bare(), lean: await lean(), rollcall: await deployment() }
const { bare: plain, lean: durable, rollcall } = servers

const inArrays = await rounds({
  bare: () => load(plain.url, single(256)),
  rollcall: () => load(rollcall.url, arrays),
})
const [batches, p99] = [medianOf(inArrays, 'rollcall', 'perSecond'), medianOf(inArrays, 'rollcall', 'p99')]
say({
  claim: 'HTTP, arrays of 100, beats/s',
  against: 'bare node:http, requests/s of one beat',
  ratio: ratioOf(inArrays, 'rollcall', 'bare') * BATCH,
  method: `256 connections, ${ROUNDS} rounds: ${thousands(batches * BATCH)} / ${thousands(medianOf(inArrays, 'bare', 'perSecond'))}, p99 ${p99} ms`,
})

for (const connections of [64, 256]) {
  const request = single(connections)
  const all = await rounds({
    bare: () => load(plain.url, request),
    lean: () => load(durable.url, request),
    rollcall: () => load(rollcall.url, request),
  })
  const of = (name: keyof typeof servers): string => thousands(medianOf(all, name, 'perSecond'))
  const against = { bare: 'bare node:http 202', lean: 'lean server, same LMDB commit' } as const
  for (const name of ['bare', 'lean'] as const)
    say({
      claim: `HTTP, one beat a request, ${connections} connections`,
      against: against[name],
      ratio: ratioOf(all, 'rollcall', name),
      method: `${ROUNDS} rounds: ${of('rollcall')} / ${of(name)} requests/s, p99 ${medianOf(all, 'rollcall', 'p99')} ms`,
    })
}
await Promise.all(Object.values(servers).map(server => server.stop()))
