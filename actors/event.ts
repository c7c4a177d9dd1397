/**
 * An event is one input about one actor. `at` is when it happened, `arrival` when the bridge took it (both ms);
 * `id` identifies it among the events of its key as its kind says; the rest are the facts of its kind.
 */
export interface Event {
  kind: string
  key: string
  id: string
  at: number
  arrival: number
  [fact: string]: unknown
}
