import { assign, emit, setup } from 'xstate'
import type { ActorKind } from '../../actors/index.ts'

export interface Sum {
  sum: number
  deadline: null
}

/** Adds numbers up, and says so; cannot add what `refuses` refuses. */
export const adder = (refuses: (n: number) => boolean, version = 1): ActorKind<Sum> => ({
  kind: 'adder',
  machine: setup({
    types: {} as { context: Sum; events: { type: 'add'; n: number }; emitted: { type: 'added'; n: number } },
    actions: {
      add: assign(({ context, event }) => {
        if (refuses(event.n)) throw new Error(`cannot add ${event.n}`)
        return { sum: context.sum + event.n }
      }),
      say: emit(({ event }) => ({ type: 'added' as const, n: event.n })),
    },
  }).createMachine({ context: { sum: 0, deadline: null }, on: { add: { actions: ['say', 'add'] } } }),
  version,
  migrations: {},
  takes: ['add'],
  receive: ({ n }) => ({ type: 'add', n }) as { type: string },
  head: context => context,
  parts: () => [],
  withPart: context => context,
  slim: context => context,
  project: () => {},
})
