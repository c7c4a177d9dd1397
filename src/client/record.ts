/** A record is what a page tells, and how it waits until the server has it. */

export interface Beat {
  userId: string
  path: string
  /** ms since the epoch by the device's clock; now by default */
  at?: number
  /** for services: browsers leave it to the edge and the user's profile */
  country?: string
  groups?: string[]
}

export interface WebEvent {
  /** a new one by default */
  id?: string
  /** the visitor; by default whom the token names: its claim `visitor`, else `u/<sub>` */
  sessionId?: string
  page: string
  /** ms since the epoch by the device's clock; now by default */
  ts?: number
  userId?: string
  partyId?: string
  referrer?: string
  source?: { source?: string; medium?: string; campaign?: string; keyword?: string; content?: string }
}

/** A record that will not be sent any more, and why. */
export interface Refusal {
  record: Beat | WebEvent
  code: string
  message: string
}

export type Kind = 'heartbeats' | 'events'

export interface Kept {
  kind: Kind
  /** its time is the device's */
  record: Beat | WebEvent
  /** ms since the epoch by the device's clock */
  made: number
  /** of the token it was made under; empty: none */
  user: string
  /** the token is still to come that says whose it is */
  isUnowned?: boolean
  /** the time it was sent with, by the server's clock */
  stamp?: number
  /** an earlier request may have been accepted */
  isUnsure?: boolean
}

/** Two records with one key are one to the server too. */
export const keyOf = ({ kind, record, user }: Kept): string => JSON.stringify([kind, user, record])

/** The device's time of a record. */
export const localTime = ({ record }: Kept): number => ((record as WebEvent).ts ?? (record as Beat).at)!

/** A record as the server takes it, with the time by the server's clock. */
export const sentText = ({ kind, record }: Kept, stamp: number): string =>
  JSON.stringify({ ...record, [kind === 'events' ? 'ts' : 'at']: stamp })

/** Storage holds anything, also what other versions and other programs wrote: what is no record is passed over. */
export function readKept(text: string | null): Kept[] {
  try {
    const read: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(read) ? read.flatMap(each => checked(each) ?? []) : []
  } catch {
    // Another program wrote there.
    return []
  }
}

function checked(value: Partial<Kept> | null): Kept | null {
  const { kind, record, made, user = '', stamp } = Object(value) as Partial<Kept>
  const { userId, path, at } = Object(record) as Partial<Beat>
  const { id, sessionId, page, ts } = Object(record) as Partial<WebEvent>
  const isBeat = kind === 'heartbeats' && areTexts(userId, path) && Number.isFinite(at)
  const isEvent = kind === 'events' && areTexts(id, page, sessionId ?? 'later') && Number.isFinite(ts)
  if (!(isBeat || isEvent) || !areTexts(user)) return null
  return {
    ...{ kind, user, record: record! },
    made: Number.isFinite(made) ? made! : (ts ?? at)!,
    // The page that stamped it may have sent it before it went.
    ...(Number.isFinite(stamp) && { stamp: stamp!, isUnsure: true }),
  }
}

const areTexts = (...values: unknown[]): boolean => values.every(value => typeof value === 'string')
