import type { Rules } from '../../actors/index.ts'
import type { VisitorRules } from '../../machines/day-rules.ts'

/** Settings that state is a function of, as the log keeps them: what it was made with, and what became of that. */

export type Settings = Record<string, string | number>

/** Others are being put in their place; nothing else may run meanwhile. */
export interface Pending {
  settings: Settings
  /** ms; for what happened from then on */
  from: number
  /** in order; null: all */
  visitors: readonly string[] | null
}

/** How the settings changed since the log was made. */
export interface Changed {
  /** those that count now */
  settings: Settings
  pending: Pending | null
}

/** Settings as a log knows them. */
export interface Recorded {
  /** those it was made with: by these its first entries are read */
  readonly settings: Settings
  /** null: they are as they were */
  readonly changed: Changed | null
}

/** The rules of web sessions among the settings; those that a former version did not record are as given. */
export const dayRulesOf = (settings: Settings, given: VisitorRules): VisitorRules => ({
  zone: String(settings.ROLLCALL_ZONE ?? given.zone),
  inactivityMs: Number(settings.ROLLCALL_INACTIVITY_MS ?? given.inactivityMs),
})

/** All rules by which the first entries of a log are read; times in ms. */
export function rulesOf(
  settings: Settings,
  given: VisitorRules & { viewingGapMs: number; viewingWriteMs: number; lateMs: number },
): Rules & { writeMs: number } {
  const { viewingGapMs: gapMs, viewingWriteMs: writeMs, lateMs } = given
  return { ...dayRulesOf(settings, given), gapMs, lateMs, writeMs }
}

export const currentOf = ({ settings, changed }: Recorded): Settings => changed?.settings ?? settings

/** Settings that `rollcall recompute` can change. */
const CHANGEABLE = ['ROLLCALL_ZONE', 'ROLLCALL_INACTIVITY_MS']

const differing = (settings: Record<string, unknown>, configured: Settings): string[] =>
  Object.keys(configured).filter(name => settings[name] !== configured[name])

/** The settings that differ, as a sentence; '' if none does. */
export const changesOf = (settings: Record<string, unknown>, configured: Settings): string =>
  differing(settings, configured)
    .map(name => `${name} was ${settings[name]}, is ${configured[name]}`)
    .join('; ')

/** Why a process with these settings may not run on the log; '' if it may. */
export function refusalOf(log: Recorded, configured: Settings): string {
  const { pending } = log.changed ?? { pending: null }
  if (pending) return unfinished(pending, currentOf(log))
  const changes = changesOf(currentOf(log), configured)
  if (changes === '' || refusalToChange(log, configured) !== '') return changes
  return `${changes}; set it back, or stop all servers and run \`rollcall recompute --from <time>\` with it`
}

/** Why the settings may not come in the place of those of the log; '' if they may. */
export function refusalToChange(log: Recorded, configured: Settings): string {
  const { pending } = log.changed ?? { pending: null }
  if (pending && changesOf(pending.settings, configured) !== '') return unfinished(pending, currentOf(log))
  const fixed = differing(currentOf(log), configured).filter(name => !CHANGEABLE.includes(name))
  return fixed.length > 0 ? changesOf(currentOf(log), configured) : ''
}

/** The command that brings a change to what is kept. */
export function commandOf({ from, visitors }: Omit<Pending, 'settings'>): string {
  const only = (visitors ?? []).map(each => ` --visitor=${each}`)
  return `rollcall recompute --from ${new Date(from).toISOString()}${only.join('')}`
}

const unfinished = (pending: Pending, current: Settings): string => {
  const wanted = differing(current, pending.settings).map(name => `${name}=${pending.settings[name]}`)
  return `a recomputation was begun and has not ended: run \`${commandOf(pending)}\` again with ${wanted.join(', ')}`
}
