/** The servers under Rollcall that may go away and come back. */
export type ServerName = 'nats' | 'mongodb' | 'redis'

/** What an error of a server's client says: that no answer came, or that it is the answer; undefined: it is of neither. */
export type Verdict = 'silence' | 'answer' | undefined

const VERDICTS = new Map<ServerName, (error: unknown) => Verdict>()

/** Called by the room that has the server's client, once that is loaded: it alone knows its classes. */
export const judgeErrors = (server: ServerName, verdict: (error: unknown) => Verdict): void =>
  void VERDICTS.set(server, verdict)

/** Codes of ours that say so, with the first words where these tell the server. */
const CODES: [ServerName, RegExp][] = [
  ['mongodb', /^(RC_STORE_UNAVAILABLE|RC_UNREACHABLE MongoDB at )/],
  ['nats', /^(RC_LOG_UNAVAILABLE|RC_UNREACHABLE (No NATS server|JetStream)|RC_SERVICE_UNREACHABLE NATS gives)/],
]

/** The server of whose silence the error tells; null: it tells of something else, be it an answer of that server. */
export function silentServer(error: unknown): ServerName | null {
  const { code, message, cause } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown }
  const found = CODES.find(([, known]) => known.test(`${code} ${message}`))?.[0]
  if (found) return VERDICTS.get(found)?.(cause) === 'answer' ? null : found
  for (const [server, verdict] of VERDICTS) if (verdict(error) === 'silence') return server
  return null
}
