import { constants } from 'node:os'
import type { Config } from '../../config.ts'
import { type ErrorCode, isCode, RollcallError } from '../../errors.ts'
import { retry } from '../../retry.ts'
import { systemTime as time } from '../../time.ts'
import { complain } from '../looking/print.ts'
import { command } from './command.ts'
import { UsageError } from './flags.ts'

const STANDING_BY = { pauses: [1_000] }
/** Codes of a server that is away just now. */
const PASSING: ErrorCode[] = ['RC_UNREACHABLE', 'RC_STORE_UNAVAILABLE', 'RC_LOG_UNAVAILABLE', 'RC_SHARD_LOST']
/** Less than the 10 s after which a process that was asked to end is killed. */
const END_WITHIN_MS = 9_000

const flags = {
  port: { type: 'string', description: 'Where it listens, instead of ROLLCALL_PORT (7420); 0: any free one' },
  data: {
    type: 'string',
    description: 'What it keeps its data in, instead of ROLLCALL_DATA (./data)',
    valueHint: 'folder',
  },
} as const

export const serve = command(
  {
    name: 'serve',
    description: 'Run the server; the environment (ROLLCALL_*) configures it, and these flags win over that',
    examples: [
      'rollcall serve --port 8080 --data /var/lib/rollcall',
      'ROLLCALL_NATS_URL=nats://10.0.0.7 ROLLCALL_MONGODB_URL=mongodb://10.0.0.8 rollcall serve',
    ],
  },
  flags,
  async ({ args }) => {
    const stop = stopSignal()
    const { readConfig } = await import('../../config.ts')
    const { start } = await import('../../rollcall.ts')
    const shown = process.stderr.isTTY ? (await import('../looking/work.ts')).shownWork() : undefined
    const config = configured(readConfig, args)
    const stopping = new AbortController()
    stop.then(() => {
      stopping.abort()
      setTimeout(giveUp, END_WITHIN_MS).unref()
    })
    const { signal } = stopping
    for (let wasThere = false; !signal.aborted; wasThere = true) {
      const rollcall = await started(() => start(config, signal, shown), wasThere, signal)
      // A process that loses the partitions stands by to have them again.
      const lost = rollcall?.lost.catch((error: unknown) => error)
      const cause = await Promise.race([stop, lost ?? stop])
      await rollcall?.close()
      // Nothing tells when the other one has ended, and to write again would fence it in its turn.
      if (isCode(cause, 'RC_FENCED') && config.natsUrl === null) throw cause
    }
    process.exit(0)
  },
)

/** Throws RC_CONFIG_INVALID for what the environment says, and a usage error for what the flags do. */
function configured(
  readConfig: (environment: NodeJS.ProcessEnv) => Config,
  { port, data }: { port?: string | undefined; data?: string | undefined },
): Config {
  const given = {
    ...(port !== undefined && { ROLLCALL_PORT: port }),
    ...(data !== undefined && { ROLLCALL_DATA: data }),
  }
  try {
    return readConfig({ ...process.env, ...given })
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error
    const fault = error.faults?.find(({ path }) => path in given)
    if (!fault) throw error
    throw new UsageError(`--${fault.path === 'ROLLCALL_PORT' ? 'port' : 'data'}: ${fault.message}`)
  }
}

/** Undefined at the signal. A process that was there before waits for the servers to come back. */
async function started<T>(start: () => Promise<T>, wasThere: boolean, signal: AbortSignal): Promise<T | undefined> {
  const isFinal = (error: unknown): boolean => !wasThere || !PASSING.some(code => isCode(error, code))
  try {
    return await retry(start, STANDING_BY, { time, isFinal, signal })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** Ends the process before all is committed: the log has all that was accepted. */
function giveUp(): void {
  complain('RC_CLOSING: not everything could be committed in time; the next process goes on from the log')
  process.exit(1)
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once, with the code of a shell for it. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    let asked = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal])
        asked = true
        resolve()
      })
    }
  })
}
