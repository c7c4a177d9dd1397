import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { KINDS } from '../actors/kinds.ts'
import { streamerSession } from '../machines/streamer-session.ts'

const start = (id: string, at: number) => ({
  ...{ type: 'session.start' as const, id, at, streamerId: 's', fresh: `fresh-${id}`, sourceId: null },
  ...{ title: null, device: null, userTags: ['country:tw', 'hidden'], price: 0 },
})

describe('a machine', () => {
  test.each(KINDS)('$kind is data: its definition survives JSON, for whatever draws statecharts', ({
    machine,
    kind,
  }) => {
    const drawn = JSON.parse(JSON.stringify(machine.definition))
    expect([drawn.id, Object.keys(drawn.states).length > 1]).toEqual([kind, true])
  })

  test('runs as an XState actor, and goes on from its persisted snapshot', () => {
    const actor = createActor(streamerSession)
    const said: string[] = []
    actor.on('session.started', ({ sessionId }) => said.push(sessionId))
    actor.start()
    actor.send(start('a', 1))
    actor.send({ type: 'session.preset', sessionId: 'fresh-a', preset: 'sd', price: 0, id: 'b', at: 2 })
    const snapshot = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()))
    const again = createActor(streamerSession, { snapshot }).start()
    again.send({ type: 'session.end', sessionId: 'fresh-a', id: 'c', at: 3 })
    expect([said, actor.getSnapshot().value, again.getSnapshot().value]).toEqual([['fresh-a'], 'live', 'ended'])
  })
})
