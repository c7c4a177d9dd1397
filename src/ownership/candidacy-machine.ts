import { assign, fromPromise, setup } from 'xstate'

/** The work of each state. A step that rejects loses the partitions. */
export interface Steps {
  /** Resolves when no other process owns the partitions any more. */
  wait(): Promise<void>
  /** Resolves when they are claimed, and answer. */
  begin(): Promise<void>
  /** Ends only by rejecting. */
  own(): Promise<never>
}

interface CandidacyContext {
  /** another process was met that owns the partitions, and this one is of use meanwhile */
  standsBy: boolean
  /** why the partitions are lost */
  cause: unknown
}

/** A process and the partitions: `waiting → beginning → owning`, and from everywhere to `lost`, which is the end. */
export const candidacyMachine = ({ wait, begin, own }: Steps) =>
  setup({
    types: { context: {} as CandidacyContext, events: {} as { type: 'stand.by' } },
    actors: {
      wait: fromPromise(wait),
      begin: fromPromise(begin),
      own: fromPromise(own),
    },
  }).createMachine({
    context: { standsBy: false, cause: undefined },
    initial: 'waiting',
    states: {
      waiting: {
        on: { 'stand.by': { actions: assign({ standsBy: true }) } },
        invoke: {
          src: 'wait',
          onDone: 'beginning',
          onError: { target: 'lost', actions: assign({ cause: ({ event }) => event.error }) },
        },
      },
      beginning: {
        invoke: {
          src: 'begin',
          onDone: 'owning',
          onError: { target: 'lost', actions: assign({ cause: ({ event }) => event.error }) },
        },
      },
      owning: {
        invoke: { src: 'own', onError: { target: 'lost', actions: assign({ cause: ({ event }) => event.error }) } },
      },
      lost: { type: 'final' },
    },
  })
