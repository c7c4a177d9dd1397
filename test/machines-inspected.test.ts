import { createWebSocketInspector, createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect'
import { createInspectorServer } from '@statelyai/inspect/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createActor } from 'xstate'
import { freePort } from './support/nats-server.ts'
import { snapshotsOf, TRIED } from './support/tried-machines.ts'

/** Stately's relay, and all that comes out of it. */
async function relay() {
  const port = await freePort()
  const server = createInspectorServer({ port, autoOpen: false })
  const url = `ws://localhost:${port}`
  const frames: StatelyInspectionEvent[] = []
  createWebSocketReceiver({ server: url }).subscribe(frame => frames.push(frame))
  const inspector = createWebSocketInspector({ url })
  onTestFinished(() => {
    inspector.stop()
    server.stop()
  })
  return { inspect: inspector.inspect, frames }
}

test.each(TRIED)("the machine $id comes whole out of Stately's own inspector", async ({ machine, events }) => {
  const { inspect, frames } = await relay()
  const actor = createActor(machine, { inspect }).start()
  for (const event of events) actor.send(event)

  const of = <T extends StatelyInspectionEvent['type']>(type: T) =>
    frames.filter((frame): frame is StatelyInspectionEvent & { type: T } => frame.type === type)
  await vi.waitFor(() => expect(of('@xstate.snapshot')).toHaveLength(events.length + 1))
  const [born, ...others] = of('@xstate.actor')
  expect(others).toEqual([])
  expect(born).toMatchObject({ name: machine.id, sessionId: actor.sessionId })
  expect(JSON.parse(born!.definition!)).toEqual(machine.config)
  expect(of('@xstate.event').map(({ event }) => event)).toEqual([
    expect.objectContaining({ type: 'xstate.init' }),
    ...events,
  ])
  const shown = of('@xstate.snapshot').map(({ event, snapshot }) => ({ event, snapshot }))
  expect(shown.slice(1).map(({ event }) => event)).toEqual(events)
  expect(shown.map(({ snapshot }) => snapshot)).toMatchObject(
    snapshotsOf({ machine, events }).map(({ value, context, status }) => ({ value, context, status })),
  )
})
