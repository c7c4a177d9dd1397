import { constants, setPriority } from 'node:os'
import { defineCommand } from 'citty'
import type { Difference, Said, Summary } from '../../verify/finding.ts'
import { onlyFlags, wholeNumber } from './flags.ts'

const flags = {
  rate: { type: 'string', description: 'Events, records and documents a second, at most', valueHint: 'n' },
  json: { type: 'boolean', default: false, description: 'Print JSON lines, also on a terminal' },
} as const

export const verify = defineCommand({
  meta: {
    name: 'verify',
    description: 'Derive the state from the log and compare it with all that is kept; 1 where it differs',
  },
  args: flags,
  async run({ args }) {
    onlyFlags(args, flags)
    const rate = args.rate === undefined ? null : wholeNumber('rate', args.rate, 1)
    setPriority(constants.priority.PRIORITY_LOW)
    const { readConfig } = await import('../../config.ts')
    const { verify } = await import('../../verify/index.ts')
    const shown = args.json || !process.stdout.isTTY ? JSON.stringify : readable
    for await (const said of verify(readConfig(process.env), { rate })) {
      const text = shown(said)
      if (text) console.log(text)
      if (said.type === 'difference') process.exitCode = 1
    }
  },
})

function readable(said: Said): string {
  switch (said.type) {
    case 'progress':
      return ''
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
  `${rest.differences === 0 ? 'All agree' : `${rest.differences} differences`}: ${events} events in ${entries} entries, ` +
  `${records} records, ${documents} documents, ${accounts} accounts of effects; ` +
  `${derived} of ${partitions} partitions derived, in ${rest.seconds} s`
