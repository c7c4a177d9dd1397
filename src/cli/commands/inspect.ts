import { RollcallError } from '../../errors.ts'
import { command } from './command.ts'
import { isForPrograms, SERVER_FLAGS, serverOf, wholeNumber } from './flags.ts'

const MOST_LAST = 500

const flags = {
  kind: { type: 'positional', required: true, description: 'viewer, visitor, streamer-session or feed' },
  key: { type: 'positional', required: true, description: 'Of a viewer or streamer the user id' },
  last: { type: 'string', default: '10', description: 'How many of its last events, 500 at most', valueHint: 'n' },
  follow: { type: 'boolean', default: false, description: 'Go on with its events as they come' },
  json: { type: 'boolean', default: false, description: 'Print JSON lines, also on a terminal' },
  mermaid: { type: 'boolean', default: false, description: 'Print its chart as a Mermaid diagram, and nothing else' },
  ...SERVER_FLAGS,
} as const

export const inspect = command(
  {
    name: 'inspect',
    description: 'Show an actor of a running server: its state, context and last events',
    examples: ['rollcall inspect viewer ann --last 20', 'rollcall inspect streamer-session sam --follow'],
  },
  flags,
  async ({ args }) => {
    const { kind, key } = args
    const last = wholeNumber('last', args.last, 0, MOST_LAST)
    const { ask, messages, open } = await import('../looking/server.ts')
    const { HEAD, PAST, row, toldIn, VIEW } = await import('../looking/actor.ts')
    const { table, tree } = await import('../looking/table.ts')
    const server = serverOf(args, process.env)
    const path = `/inspect/actors/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`
    const forPrograms = isForPrograms(args)
    const { say, sayJson } = await import('../looking/print.ts')
    // Events that come while the rest is asked for are not missed.
    const live = args.follow && !args.mermaid ? await open(server, `${path}/live`) : null
    const view = await ask(server, path, VIEW).catch(error => {
      if (!(error instanceof RollcallError) || error.code !== 'RC_NOT_FOUND') throw error
      throw new RollcallError('RC_NOT_FOUND', `${server.url} has no actor ${kind}/${key}`)
    })
    if (args.mermaid) {
      const { KINDS } = await import('../../../actors/kinds.ts')
      const { mermaid } = await import('../looking/mermaid.ts')
      const known = KINDS.find(each => each.kind === kind)
      if (!known) throw new RollcallError('RC_NOT_FOUND', `this version knows no chart of '${kind}'`)
      say(mermaid(known.machine, view.value))
      return
    }
    const past = last > 0 ? await ask(server, `${path}/past?limit=${last}`, PAST) : { reason: null, steps: [] }
    if (forPrograms) {
      sayJson({ ...view, past })
    } else {
      const { snapshot, value, partition, seq } = view
      say(table(['ACTOR', 'STATE', 'PARTITION', 'ENTRY'], [[`${kind}/${key}`, value, partition, seq]]))
      say(tree(snapshot.context, 'context').join('\n'))
      if (past.steps.length > 0) say(`\n${table(HEAD, past.steps.map(row))}`)
      if (past.reason) say(past.reason)
    }
    if (!live) return
    for await (const message of messages(live)) {
      const told = toldIn(message, server.url)
      if (forPrograms) sayJson(told.data)
      else if (told.event === 'frame') say(row(told.data).join('  '))
      else if (told.event === 'lost') say(`(${told.data.frames ?? 'some'} events were lost: too many came)`)
    }
    throw new RollcallError('RC_UNREACHABLE', `${server.url} tells no more`)
  },
)
