import { RollcallError } from '../../errors.ts'
import { command } from './command.ts'
import { isForPrograms, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = { ...SHOWN_FLAGS, ...SERVER_FLAGS } as const

export const owner = command(
  {
    name: 'owner',
    description: 'Say which process owns the partitions, by any running server; 1 where none does',
    examples: ['rollcall owner', 'rollcall owner --url http://10.0.0.7:7420 --json'],
  },
  flags,
  async ({ args }) => {
    const forPrograms = isForPrograms(args)
    const { ask } = await import('../looking/server.ts')
    const { say, sayJson } = await import('../looking/print.ts')
    const { moment, table } = await import('../looking/table.ts')
    const { READINESS } = await import('../looking/readiness.ts')
    const server = serverOf(args, process.env)
    // A server that is not ready says who owns the partitions all the same.
    const { owner, ready, partitions, stopped } = await ask(server, '/readyz', READINESS, { answers: [503] })
    if (owner === undefined)
      throw new RollcallError('RC_UNREACHABLE', `${server.url} is of a version that does not say`)
    const going = partitions - stopped.length
    if (forPrograms) sayJson({ ...owner, ready, partitions, going })
    else if (owner) {
      const { host, pid, version, since, lag } = owner
      const facts = [host, pid, version, moment(since), lag, `${going} of ${partitions}`]
      say(table(['HOST', 'PID', 'VERSION', 'SINCE', 'LAG', 'PARTITIONS'], [facts]))
    }
    const isGone = stopped.length > 0 && stopped.every(({ stopped }) => stopped.code === 'RC_NO_OWNER')
    if (owner === null || isGone) throw new RollcallError('RC_NO_OWNER')
    const [first] = stopped
    if (first && !forPrograms) say(`partition ${first.partition}: ${first.stopped.code}: ${first.stopped.message}`)
  },
)
