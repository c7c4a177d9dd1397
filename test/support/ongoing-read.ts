import type { Entry, EventLog, Seq } from '../../src/log/index.ts'

/** Reads partition 0 as it comes, until it is aborted or fails. */
export function ongoingRead(log: EventLog, after: Seq = 0) {
  const entries: Entry[] = []
  const abort = new AbortController()
  const read = async (): Promise<void> => {
    for await (const found of log.read(0, after, abort.signal)) entries.push(...found)
  }
  const ended = read().then(
    () => 'aborted',
    (error: { code: string }) => error.code,
  )
  return { entries, abort, ended }
}
