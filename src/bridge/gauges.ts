import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import type { ErrorCode } from '../errors.ts'
import { gauge, type Reading } from '../observe/meter.ts'
import type { Work } from '../observe/work.ts'
import type { PartitionState } from '../ownership/index.ts'
import type { Bridge } from './index.ts'
import { readinessOf } from './readiness.ts'
import { underWay } from './under-way.ts'

const NOBODY: ErrorCode = 'RC_NO_OWNER'
const REPLAYED: ErrorCode = 'RC_NOT_READY'

/** Adds how the process stands, as its bridge sees it. What only the owner knows is told by the owner alone. */
export function addGauges(bridge: Bridge): void {
  const { directory, exposition, looks, works } = bridge
  const { version } = JSON.parse(readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8'))
  exposition.add(() => [
    gauge('rollcall_build_info', 1, { version }),
    gauge('rollcall_ready', Number(readinessOf(bridge).ready)),
    gauge('rollcall_owner', Number(directory.isOwn)),
    gauge('rollcall_owned_by_somebody', Number(directory.states.some(({ stopped }) => stopped?.code !== NOBODY))),
    gauge('rollcall_waits', directory.waits),
    ...(directory.isOwn ? directory.states.flatMap(standingOf) : []),
  ])
  exposition.add(async () => {
    if (!directory.isOwn) return []
    return [gauge('rollcall_viewers_alive', (await looks.audience()).all.alive)]
  })
  exposition.add(async () => {
    if (!directory.isOwn) return []
    return [gauge('rollcall_sessions_live', (await looks.live()).length)]
  })
  exposition.add(async () => {
    const disk = await looks.disk()
    if (!disk) return []
    const { freeBytes, logBytes, stateBytes } = disk
    return [
      gauge('rollcall_disk_free_bytes', freeBytes),
      ...(logBytes === null ? [] : [gauge('rollcall_log_bytes', logBytes)]),
      ...(stateBytes === null ? [] : [gauge('rollcall_state_bytes', stateBytes)]),
    ]
  })
  exposition.add(() => (directory.isOwn ? underWay(bridge) : works.list).flatMap(workOf))
}

function workOf({ name: work, done, total, since }: Work): Reading[] {
  const size = total === null ? [] : [gauge('rollcall_work_size', total, { work })]
  const began = gauge('rollcall_work_since_timestamp_seconds', since / 1_000, { work })
  return [gauge('rollcall_work_done', done, { work }), ...size, began]
}

function standingOf({ partition, stopped }: PartitionState): Reading[] {
  const labels = { partition: String(partition) }
  return [
    gauge('rollcall_partition_running', Number(stopped === null), labels),
    gauge('rollcall_partition_stopped', Number(stopped !== null && stopped.code !== REPLAYED), labels),
  ]
}
