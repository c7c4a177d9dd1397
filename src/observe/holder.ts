import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { hostname } from 'node:os'
import { z } from 'zod'

/** A process that has the partitions, or a data directory, as others are told of it. */
export interface Holder {
  host: string
  pid: number
  /** of Rollcall */
  version: string
  /** ms since the epoch */
  since: number
}

/** A holder as another process finds it: one of a former version says nothing of itself. */
export type KnownHolder = { [Fact in keyof Holder]: Holder[Fact] | null }

export const UNTOLD: KnownHolder = { host: null, pid: null, version: null, since: null }

const [MOST_HOST, MOST_VERSION, MOST_PID, LAST_MS] = [255, 64, 2 ** 32, 8.64e15]
/** Characters of names of hosts and versions; whatever else is there is of no use to anybody who reads it. */
const NAME = /^[\w.:+-]+$/

const holder = z.object({
  host: z.string().max(MOST_HOST).regex(NAME),
  pid: z.number().int().min(1).max(MOST_PID),
  version: z.string().max(MOST_VERSION).regex(NAME),
  since: z.number().int().min(0).max(LAST_MS),
})

/** The facts that were found where processes leave them for each other; null if these are none. */
export function holderIn(found: unknown): Holder | null {
  const { success, data } = holder.safeParse(found)
  return success ? data : null
}

let version: string | undefined

/** This process, as it has something since then. */
export function thisHolder(since: number): Holder {
  version ??= String(JSON.parse(readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8')).version)
  return { host: named(hostname()).slice(0, MOST_HOST), pid: process.pid, version: named(version), since }
}

const named = (text: string): string => text.replace(/[^\w.:+-]/g, '_') || '_'

/** Example: `process 4242 on box-1, since 2026-11-28T20:00:00.000Z, version 0.1.0`. */
export function toldOf({ host, pid, version, since }: KnownHolder): string {
  if (pid === null || since === null) return 'a process of a version that does not say more'
  return `process ${pid} on ${host}, since ${new Date(since).toISOString()}, version ${version}`
}
