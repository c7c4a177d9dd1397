/** A step of an actor as it is shown: an event of its machine, and the state it led to. */
export interface Frame {
  /** counts the frames of a watch; 0 where nobody counts */
  n: number
  /** the entry of the log, and when it was to the partition (ms) */
  seq: number
  at: number
  event: { type: string; [fact: string]: unknown }
  /** null: the event led nowhere */
  edge: string | null
  /** the edge without an event that led on from where that one led */
  always?: string
  value: unknown
  /** as `GET /actors` shows it; null where it is too long to be shown */
  snapshot: object | null
  isCut?: true
  /** all that was emitted on the way */
  said: { type: string; [fact: string]: unknown }[]
  /** ids of the effects that follow */
  effects: string[]
  /** the actor stays where it is: the event was no transition */
  pulse?: true
}

/** Characters of a frame as JSON; of a longer one all that may be long is left out. */
const MOST_CHARACTERS = 262_144

/** The frame as JSON, no longer than bounds allow. */
export function textOf(frame: Frame): string {
  const text = JSON.stringify(frame)
  if (text.length <= MOST_CHARACTERS) return text
  return JSON.stringify({ ...frame, event: { type: frame.event.type }, snapshot: null, said: [], isCut: true })
}
