/**
 * An input about one actor. `at` is when it happened, `arrival` when the bridge took it (both ms);
 * `id` identifies it among the events of its key as its kind says; the rest are the facts of its kind. One of a request
 * that is traced has `traceparent` beside them, which decides nothing.
 */
export interface Event {
  kind: string
  key: string
  id: string
  at: number
  arrival: number
  [fact: string]: unknown
}

/** The events of an actor's kinds, where `Takes` has the facts of each kind under its name. */
export type EventOf<Takes> = { [Kind in keyof Takes]: Event & { kind: Kind } & Takes[Kind] }[keyof Takes]

/** An event as a machine takes it: by its kind as its type. */
export type Typed<E> = E extends Event ? E & { type: E['kind'] } : never

/** The compiler does not follow that a kind and its facts stay together in the copy. */
export const typed = <E extends Event>(event: E): Typed<E> => ({ ...event, type: event.kind }) as unknown as Typed<E>
