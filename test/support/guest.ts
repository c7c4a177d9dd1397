import { assign, emit, enqueueActions, setup } from 'xstate'
import type { ActorKind, Presence } from '../../actors/index.ts'

interface Stay {
  last: Presence | null
  /** of the key that was asked for; null: not asked, or not answered yet */
  door: string | null
  deadline: number | null
}

type GuestEvent =
  | { type: 'guest.seen'; at: number; room: string }
  | { type: 'guest.key'; door: string }
  | { type: 'deadline'; at: number }

/**
 * A kind that no engine was made for, with all that a kind may have: a guest of a hotel is seen in rooms, asks for a
 * key, and cannot be shown without it.
 */
export const guest: ActorKind<Stay> = {
  kind: 'guest',
  machine: setup({
    types: {} as {
      context: Stay
      events: GuestEvent
      emitted: { type: 'guest.late' } | { type: 'guest.fetch-key' }
    },
    guards: {
      late: ({ context, event }) => event.type === 'guest.seen' && event.at < (context.last?.at ?? 0),
    },
    actions: {
      late: emit({ type: 'guest.late' }),
      seen: enqueueActions(({ context, event, enqueue }) => {
        if (event.type !== 'guest.seen') return
        if (context.last === null) enqueue.emit({ type: 'guest.fetch-key' })
        enqueue.assign({ last: { at: event.at, stream: event.room }, deadline: event.at + 65_000 })
      }),
      key: assign(({ event }) => (event.type === 'guest.key' ? { door: event.door } : {})),
    },
  }).createMachine({
    context: { last: null, door: null, deadline: null },
    on: {
      'guest.seen': [{ guard: 'late', actions: 'late' }, { actions: 'seen' }],
      'guest.key': { actions: 'key' },
      deadline: { actions: assign({ deadline: null }) },
    },
  }),
  version: 1,
  migrations: {},
  takes: ['guest.seen', 'guest.key'],
  receive: ({ kind, at, room, door }) => ({ type: kind, at, room, door }) as { type: string },
  needs: () => [],
  head: context => context,
  parts: () => [],
  withPart: context => context,
  slim: context => context,

  project(before, { last, door }, key, projection) {
    if (before.last !== last) projection.upsert('stays', key, { guest: key, from: last!.at, to: last!.at })
    if (before.door !== door) projection.upsert('doors', `${key}-door`, { guest: key, door, isOpen: true })
  },

  tally(before, { last }, key, event, tally) {
    if (event.type !== 'guest.seen' || last === before.last) return
    tally.moved(key, before.last, last!)
    tally.counted(last!.at, 'ZZ', [], 1)
  },

  tallyRecords: (_context, { at }) => [['window', String(at)]],
  presence: ({ last }) => last,
  viewing: ({ last }) => last && { start: last.at, end: last.at },
  remarks: { 'guest.late': tally => tally.tooLate() },
  holds: ['guest.fetch-key'],
  copies: [
    {
      collection: 'doors',
      current: { isOpen: true },
      keyOf: ({ guest }) => String(guest),
      shown: ({ _id, door }) => ({ door, of: _id }),
    },
  ],
}
