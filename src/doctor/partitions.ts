import { join } from 'node:path'
import type { Db } from 'mongodb'
import { lookAt, NOTHING } from '../checkpoint/fit.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import { damagedDocuments } from '../documents/damage.ts'
import { throughDoor } from '../lmdb/door.ts'
import { type LogPeek, peekAtLog } from '../log/embedded/peek.ts'
import { refusalOf } from '../log/recorded.ts'
import { ADVICE } from '../observe/advice.ts'
import { peekAtCheckpoints } from '../stores.ts'
import { type Finding, message } from './finding.ts'

/** Damages of a partition that are named. */
const MOST_NAMED = 10

/** Answers how many entries no commit has yet; null: that cannot be told. `path`: of the data directory, null if there is none; `nats` and `db` are null where the part is embedded. */
export async function* comparePartitions(
  config: Config,
  path: string | null,
  nats: LogPeek | null,
  db: Db | null,
): AsyncGenerator<Finding, number | null> {
  if (!path && !(nats && db)) return null
  const closes: (() => Promise<void>)[] = []
  try {
    const open = async () => {
      const log = nats ?? (await peekAtLog(join(path!, 'log')))
      if (!nats) closes.push(() => log.close())
      const cuts = await peekAtCheckpoints(path ? join(path, 'state') : '', db)
      closes.push(() => cuts.close())
      return { log, cuts }
    }
    const { log, cuts } = path ? await throughDoor(path, open) : await open()
    yield settingsOf(config, log)
    let lag = 0
    for (let p = 0; p < config.partitions; p++) {
      const { finding, behind } = await compare(p, cuts, log)
      lag += behind
      yield finding
      yield* damageOf(p, cuts, log)
    }
    if (!db) yield* damagedAmong(join(path!, 'state'))
    return lag
  } catch (error) {
    yield { check: 'partitions', state: 'wrong', text: message(error) }
    return null
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

async function compare(partition: number, cuts: Cuts, log: LogPeek): Promise<{ finding: Finding; behind: number }> {
  const { kept, problem } = await lookAt(partition, cuts, log)
  const { cut, incarnation } = kept ?? NOTHING
  const bounds = await log.bounds(partition)
  const holds = !bounds
    ? 'no log'
    : bounds.last < bounds.first
      ? 'the log is empty'
      : `the log holds ${bounds.first} to ${bounds.last}`
  const other = bounds && (incarnation ?? bounds.incarnation) !== bounds.incarnation ? ', of another incarnation' : ''
  const stands = problem === 'RC_CHECKPOINT_CORRUPT' ? 'the cut cannot be read' : `the cut is ${cut}`
  const text = `${problem ? `${problem}: ` : ''}${stands}, ${holds}${other}${problem ? `; ${ADVICE[problem].help}` : ''}`
  const finding: Finding = { check: `partition ${partition}`, state: problem ? 'wrong' : 'ok', text }
  return { finding, behind: Math.max(0, (bounds?.last ?? 0) - cut) }
}

/** Damage to a partition, in its checkpoint and, of a log that is embedded, in all its entries. */
async function* damageOf(partition: number, cuts: Cuts, log: LogPeek): AsyncGenerator<Finding> {
  const check = `partition ${partition}`
  const found = await cuts.damage(partition)
  if (found)
    yield { check, state: 'wrong', text: `${found.code}: ${found.message} ${ADVICE.RC_CHECKPOINT_CORRUPT.help}` }
  const { cut } = (found ? null : await cuts.of(partition)) ?? NOTHING
  let count = 0
  for (const seq of log.damaged?.(partition) ?? []) {
    if (++count > MOST_NAMED) break
    const text = `entry ${seq} of the log is not as it was written`
    if (seq < cut)
      yield { check, state: 'warning', text: `${text}; the checkpoint has it, and does not need it any more` }
    else yield { check, state: 'wrong', text: `RC_LOG_CORRUPT: ${text}; ${ADVICE.RC_LOG_CORRUPT.help}` }
  }
}

/** Each on a line of its own; `rollcall repair` says when there are more. */
function* damagedAmong(statePath: string): Generator<Finding> {
  let count = 0
  for (const { name } of damagedDocuments(statePath)) {
    if (++count > MOST_NAMED) break
    yield {
      check: 'documents',
      state: 'wrong',
      text: `RC_DOCUMENT_CORRUPT: ${name} is not as it was written; ${ADVICE.RC_DOCUMENT_CORRUPT.help}`,
    }
  }
}
