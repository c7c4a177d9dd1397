/** The wrong, in words, with the command that mends it or finds out more: a table of conditions. */
import { ERRORS } from '../../../errors.ts'
import { FREE_FLOOR_BYTES } from '../../../lmdb/disk.ts'
import { type Advice, adviceFor } from '../../../observe/advice.ts'
import type { Away } from '../../../observe/servers.ts'
import { THRESHOLDS } from '../../../observe/thresholds.ts'
import type { Figures, PartitionFigures, Wrong } from './figures.ts'
import { bytes, instant, number, plural, ranges, span } from './words.ts'

type Known = Omit<Figures, 'wrong'>

const PARKED: Advice = {
  help: 'once what was wrong with them is mended, retry or drop them',
  ...{ command: 'curl "$URL/parked"', anchor: 'events-that-are-parked' },
}
const PARKED_EFFECTS: Advice = {
  help: 'each says why; retry or drop it',
  ...{ command: 'rollcall effects --state parked', anchor: 'effects-that-fail' },
}
const LATE_EFFECTS: Advice = {
  help: 'see whether Pusher, Firebase and NATS answer; nothing is lost meanwhile',
  ...{ command: 'rollcall effects --state waiting', anchor: 'effects-that-fail' },
}
const SCARCE: Advice = {
  help: `free some, or move ROLLCALL_DATA to a larger disk; below ${bytes(FREE_FLOOR_BYTES)} nothing is accepted`,
  ...{ command: 'df -h', anchor: 'what-is-bounded' },
}
const BEHIND: Advice = {
  help: 'if it grows, give the owner more cores, or the stores a faster disk',
  ...{ command: 'rollcall owner', anchor: 'rollcalllag' },
}

/** By the server that is away: its name, and what is missing until it is back. */
const AWAY: Record<Away['server'], [name: string, meanwhile: string]> = {
  nats: ['NATS', 'nothing is accepted meanwhile, and what was is not lost'],
  mongodb: ['MongoDB', 'what is accepted meanwhile waits in the log'],
  redis: ['Redis', 'other services lack the live sets meanwhile, and nothing else does'],
}

/** All rules, the gravest first; each answers with nothing where all is well. */
const RULES: ((known: Known) => Wrong[])[] = [
  ({ away, at }) =>
    away.map(({ server, since }) => {
      const [name, meanwhile] = AWAY[server]
      const text = `${name} gives this process no answer since ${instant(since)}, for ${span(at - since)}.`
      return {
        ...{ code: null, text, help: `bring it back; ${meanwhile}` },
        ...{ command: 'rollcall doctor', anchor: 'rollcallserveraway' },
      }
    }),
  ({ readiness: { writes = [] } }) =>
    writes.map(({ code, message }) => ({ code, text: `Nothing is accepted just now: ${message}`, ...adviceFor(code) })),
  ({ readiness: { stopped } }) =>
    [...Map.groupBy(stopped, ({ stopped: { code } }) => code)].map(([code, alike]) => ({
      ...{ code, text: stoppedText(alike) },
      ...adviceFor(code),
    })),
  ({ troubles, away, readiness: { stopped } }) =>
    troubles
      .filter(code => stopped.every(each => each.stopped.code !== code))
      // Said above, with since when.
      .filter(code => code !== 'RC_STORE_UNAVAILABLE' || away.every(({ server }) => server !== 'mongodb'))
      .map(code => ({ code, text: `Not all of this is known: ${ERRORS[code][1]}`, ...adviceFor(code) })),
  ({ parked }) =>
    parked
      ? [{ code: null, text: `${plural(parked, 'event')} parked: their actors take nothing more.`, ...PARKED }]
      : [],
  ({ effects }) =>
    effects?.parked
      ? [{ code: null, text: `${plural(effects.parked, 'effect')} parked: tried in vain.`, ...PARKED_EFFECTS }]
      : [],
  // Before a replay has come to its end nothing is performed, however long it takes.
  ({ effects, readiness: { stopped } }) =>
    effects?.oldestMs &&
    effects.oldestMs > THRESHOLDS.effectMs &&
    stopped.every(({ stopped: { code } }) => code !== 'RC_NOT_READY')
      ? [{ code: null, text: `An effect has been waiting for ${span(effects.oldestMs)}.`, ...LATE_EFFECTS }]
      : [],
  ({ disk }) =>
    disk && disk.freeBytes < THRESHOLDS.freeBytes
      ? [{ code: null, text: `Only ${bytes(disk.freeBytes)} of the disk are free.`, ...SCARCE }]
      : [],
  ({ partitions }) => {
    const behind = partitions.filter(each => each.stopped === null && lagOf(each) > THRESHOLDS.lagEntries)
    if (behind.length === 0) return []
    const names = `Partition${behind.length > 1 ? 's' : ''} ${ranges(behind.map(({ partition }) => partition))}`
    const most = number(Math.max(...behind.map(lagOf)))
    return [{ code: null, text: `${names}: ${most} entries wait for a commit.`, ...BEHIND }]
  },
]

/** Entries of a partition that no commit has, as far as is known. */
const lagOf = ({ accepted, cut }: PartitionFigures): number => (accepted === null || cut === null ? 0 : accepted - cut)

export const wrongIn = (known: Known): Wrong[] => RULES.flatMap(rule => rule(known))

const isReplaying = ({ applied = 0, replayUntil = 0 }: Known['readiness']['stopped'][number]): boolean =>
  applied < replayUntil

/** Partitions that do not go on for the same reason, in the words of `/readyz`, with how far they are where that is known. */
function stoppedText(alike: Known['readiness']['stopped']): string {
  const [applied, all] = alike.reduce(
    ([applied, all], each) =>
      isReplaying(each) ? [applied + (each.applied ?? 0), all + (each.replayUntil ?? 0)] : [applied, all],
    [0, 0],
  )
  const names = ranges(alike.map(({ partition }) => partition))
  const far = all > 0 ? ` (${number(applied)} of ${number(all)} entries)` : ''
  return `Partition${alike.length > 1 ? 's' : ''} ${names}: ${alike[0]!.stopped.message}${far}`
}
