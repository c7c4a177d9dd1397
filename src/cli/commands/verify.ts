import { constants, setPriority } from 'node:os'
import type { Difference, Progress, Said, Summary } from '../../verify/finding.ts'
import { command } from './command.ts'
import { isForPrograms, wholeNumber } from './flags.ts'

const flags = {
  rate: { type: 'string', description: 'Events, records and documents a second, at most', valueHint: 'n' },
  json: { type: 'boolean', default: false, description: 'Print JSON lines, also on a terminal' },
} as const

export const verify = command(
  {
    name: 'verify',
    description: 'Derive the state from the log and compare it with all that is kept; 1 where it differs',
    examples: ['rollcall verify', 'rollcall verify --rate 20000 --json'],
  },
  flags,
  async ({ args }) => {
    const rate = args.rate === undefined ? null : wholeNumber('rate', args.rate, 1)
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => process.exit(128 + constants.signals[signal]))
    const { readConfig } = await import('../../config.ts')
    const { verify } = await import('../../verify/index.ts')
    const { foot, say, sayJson } = await import('../looking/print.ts')
    const { bar } = await import('../looking/work.ts')
    const forPrograms = isForPrograms(args)
    const isOpen = (): void => setPriority(constants.priority.PRIORITY_LOW)
    const stand = !forPrograms && process.stderr.isTTY ? foot() : null
    try {
      for await (const said of verify(readConfig(process.env), { rate, isOpen })) {
        if (said.type === 'difference') process.exitCode = 1
        if (said.type === 'progress') stand?.(shown(said, bar(said.partition / Math.max(1, said.partitions))))
        if (forPrograms) sayJson(said)
        else if (said.type !== 'progress') say(readable(said))
      }
    } finally {
      stand?.('')
    }
  },
)

const shown = ({ partition, partitions, step, events, records, documents }: Progress, share: string): string =>
  `${share}  ${step}  partition ${partition} of ${partitions}  ${events} events  ${records} records  ${documents} documents`

function readable(said: Exclude<Said, Progress>): string {
  switch (said.type) {
    case 'note':
      return `note: ${where(said.partition)}${said.text}`
    case 'difference':
      return `DIFFERS: ${where(said.partition)}${said.name}: ${said.text}${firstOf(said)}`
    case 'summary':
      return summed(said)
  }
}

const where = (partition: number | null): string => (partition === null ? '' : `partition ${partition}: `)

function firstOf({ first }: Difference): string {
  if (!first) return ''
  const { seq, kind, key, id, at, of, never } = first
  const event = `entry ${seq}, ${kind} ${id} of ${key} at ${new Date(at).toISOString()}`
  const others = of > 1 ? `, or one of the ${of - 1} events beside it` : ''
  return never ? `; it was never so, and changed last by ${event}${others}` : `; they part at ${event}${others}`
}

const summed = ({ entries, events, records, documents, accounts, derived, partitions, ...rest }: Summary): string =>
  `${rest.differences === 0 ? 'All agree' : rest.differences === 1 ? '1 differs' : `${rest.differences} differ`}: ${events} events in ${entries} entries, ` +
  `${records} records, ${documents} documents, ${accounts} accounts of effects; ` +
  `${derived} of ${partitions} partitions derived, in ${rest.seconds} s`
