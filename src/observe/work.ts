import type { Cancel, Time } from '../time.ts'
import type { Destination } from './log.ts'

/** Work that may take minutes, by the name under which it is shown and counted. */
export type WorkName =
  | 'claim'
  | 'replay'
  | 'deadlines'
  | 'adoption'
  | 'recompute'
  | 'look'
  | 'repair'
  | 'readable'
  | 'counting'

/** How far some work is; of work whose end is not known the total is null. */
export interface Far {
  done: number
  total: number | null
}

/** Long work that is under way. */
export interface Work extends Far {
  name: WorkName
  /** what is counted */
  unit: string
  /** ms since the epoch */
  since: number
}

/** Who is told of long work as often as given, in the place of the log; and where that goes, if not to stdout. */
export interface Shown {
  tell(all: Work[]): void
  everyMs: number
  log?: Destination
}

/** The long work under way in one place. How far it is, is found out when somebody looks: the work pays nothing for it. */
export class Works {
  readonly #time: Pick<Time, 'now'>
  readonly #all = new Set<() => Work | null>()

  constructor(time: Pick<Time, 'now'>) {
    this.#time = time
  }

  /** Returns what ends it; it also ends when `far` says null. */
  begin(name: WorkName, unit: string, far: () => Far | null): () => void {
    const since = this.#time.now()
    const look = (): Work | null => {
      const at = far()
      return at && { name, unit, ...at, since }
    }
    this.#all.add(look)
    return () => void this.#all.delete(look)
  }

  get list(): Work[] {
    return [...this.#all].flatMap(look => {
      const work = look()
      if (!work) this.#all.delete(look)
      return work ?? []
    })
  }
}

/** The same work in several places as one. */
export function joinedWork(all: readonly Work[]): Work[] {
  const joined = new Map<WorkName, Work>()
  for (const work of all) {
    const known = joined.get(work.name)
    joined.set(work.name, known ? sumOf(known, work) : { ...work })
  }
  return [...joined.values()]
}

const sumOf = (one: Work, other: Work): Work => ({
  ...one,
  done: one.done + other.done,
  total: one.total === null || other.total === null ? null : one.total + other.total,
  since: Math.min(one.since, other.since),
})

/** False once nothing is left to do; of work whose end is not known nobody can say. */
export const isUnderWay = ({ done, total }: Far): boolean => total === null || done < total

/** The share that is done, from 0 to 1; null where the end is not known. */
export const shareOf = ({ done, total }: Far): number | null =>
  total === null || total <= 0 ? null : Math.min(1, Math.max(0, done / total))

/** Tells of long work as often as given, while there is any, and once more when there is none left. */
export function tellWork(look: () => Work[], tell: (all: Work[]) => void, everyMs: number, time: Time): Cancel {
  let wasAny = false
  return time.every(everyMs, () => {
    const all = look()
    if (all.length > 0 || wasAny) tell(all)
    wasAny = all.length > 0
  })
}

/** The work to show where there is room for no more: what was shown before it until that ends, then what is furthest from its end. */
export const foremost = (all: readonly Work[], shown: WorkName | undefined): Work | undefined =>
  all.find(({ name }) => name === shown) ?? all.toSorted((one, other) => (shareOf(one) ?? 1) - (shareOf(other) ?? 1))[0]

/** As people read it. */
export const WORK_NAMES: Record<WorkName, string> = {
  claim: 'claiming partitions',
  replay: 'replaying the log',
  deadlines: 'loading deadlines',
  adoption: 'adopting documents',
  recompute: 'recomputing visitor-days',
  look: 'looking for damage',
  repair: 'repairing',
  readable: 'waiting until all is readable',
  counting: 'counting visits',
}

/** When the end may be expected, as far as the pace so far tells: ms; null where it does not. */
export function leftOf(work: Work, now: number): number | null {
  const share = shareOf(work)
  const passed = now - work.since
  return share === null || share <= 0 || passed < 2_000 ? null : (passed / share) * (1 - share)
}
