import { join } from 'node:path'
import type { Db } from 'mongodb'
import { problemOf } from '../checkpoint/fit.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import { type LogPeek, peekAtLog } from '../log/embedded/peek.ts'
import { refusalOf } from '../log/recorded.ts'
import { peekAtCheckpoints } from '../stores.ts'
import { type Finding, message } from './finding.ts'

/** `path`: of the data directory, null if there is none; `nats` and `db` are null where the part is embedded. */
export async function* comparePartitions(
  config: Config,
  path: string | null,
  nats: LogPeek | null,
  db: Db | null,
): AsyncGenerator<Finding> {
  if (!path && !(nats && db)) return
  const closes: (() => Promise<void>)[] = []
  try {
    const log = nats ?? (await peekAtLog(join(path!, 'log')))
    if (!nats) closes.push(() => log.close())
    const cuts = await peekAtCheckpoints(path ? join(path, 'state') : '', db)
    closes.push(() => cuts.close())
    yield settingsOf(config, log)
    for (let p = 0; p < config.partitions; p++) yield await compare(p, cuts, log)
  } catch (error) {
    yield { check: 'partitions', state: 'wrong', text: message(error) }
  } finally {
    for (const close of closes) await close()
  }
}

function settingsOf(config: Config, { settings, changed }: LogPeek): Finding {
  const check = 'settings'
  if (!settings) return { check, state: 'ok', text: 'none are recorded: there is no log yet' }
  const refusal = refusalOf({ settings, changed }, recordedSettings(config))
  return { check, state: refusal ? 'wrong' : 'ok', text: refusal || 'as the log has them' }
}

async function compare(partition: number, cuts: Cuts, log: LogPeek): Promise<Finding> {
  // The log goes ahead of the checkpoint: asked for second, it is never behind for having been asked too early.
  const cut = (await cuts.of(partition)) ?? { cut: 0, incarnation: null, mark: null }
  const bounds = await log.bounds(partition)
  const problem = await problemOf(cut, log, partition)
  const holds = !bounds
    ? 'no log'
    : bounds.last < bounds.first
      ? 'the log is empty'
      : `the log holds ${bounds.first} to ${bounds.last}`
  const other =
    bounds && (cut.incarnation ?? bounds.incarnation) !== bounds.incarnation ? ', of another incarnation' : ''
  const text = `${problem ? `${problem}: ` : ''}the cut is ${cut.cut}, ${holds}${other}`
  return { check: `partition ${partition}`, state: problem ? 'wrong' : 'ok', text }
}
