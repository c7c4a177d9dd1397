import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { asyncApi } from '../src/bridge/nats/asyncapi.ts'

interface Document {
  channels: Record<string, { address: string | null; messages: Record<string, { payload: object }> }>
  operations: Record<string, { action: string; channel: { $ref: string } }>
}

const document = asyncApi() as Document
const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json')

const refsIn = (value: unknown): string[] =>
  Object.entries((value ?? {}) as object).flatMap(([name, inner]) =>
    name === '$ref' ? [inner as string] : typeof inner === 'object' ? refsIn(inner) : [],
  )

describe('the AsyncAPI document', () => {
  test('is one by the schema of AsyncAPI 3', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false, logger: false })
    const isValid = ajv.validate(schema, JSON.parse(JSON.stringify(document)))
    expect(ajv.errors).toBeNull()
    expect(isValid).toBe(true)
  })

  test('refers to nothing it does not hold', () => {
    const at = (ref: string) =>
      ref
        .slice(2)
        .split('/')
        .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], document)
    const refs = refsIn(document.operations)
    expect(refs.length).toBeGreaterThan(20)
    expect(refs.filter(ref => at(ref) === undefined)).toEqual([])
  })

  test('names every subject messages are taken on', () => {
    const taken = Object.values(document.operations).filter(({ action }) => action === 'receive')
    const addresses = taken.map(({ channel }) => document.channels[channel.$ref.split('/').at(-1)!]!.address)
    expect(addresses.sort()).toEqual([
      'events.{sessionId}',
      'heartbeats.{userId}',
      'session.started',
      'session.started.{userId}',
      'sessions.end.{streamerId}',
      'sessions.goals.{streamerId}',
      'sessions.preset.{streamerId}',
      'sessions.ratings.{streamerId}',
      'sessions.request.{userId}',
    ])
  })

  test('has payloads by which a good message passes and a bad one does not', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false })
    const passes = (channel: string, payload: unknown) =>
      ajv.validate(document.channels[channel]!.messages.message!.payload, payload)
    const beat = { userId: 'ann', path: '/' }
    expect([passes('heartbeats', beat), passes('heartbeats', [beat]), passes('heartbeats', { path: '/' })]).toEqual([
      true,
      true,
      false,
    ])
    expect(passes('sessionPreset', { sessionId: 's', preset: 'sd' })).toBe(true)
    expect(passes('sessionPreset', { sessionId: 's', preset: 'hd' })).toBe(false)
  })
})
