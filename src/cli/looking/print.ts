import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import type { Faults } from '../../observe/index.ts'
import type { Destination } from '../../observe/log.ts'
import { json, plain, plainLines } from '../../observe/plain.ts'

/** Print: the one way by which commands write. */

export const say = (text: string): void => above(() => console.log(plainLines(text)))

export const complain = (text: string): void => above(() => console.error(plainLines(text)))

export const sayJson = (value: unknown): void => above(() => console.log(json(value)))

/** Failures of a command that goes on. */
export const failures: Faults = { report: (step, error) => complain(`${step} failed: ${inspect(error)}`) }

const CLEAR = '\r\u001B[K'
const WIDTH = 80
const feet = new Set<{ text: string }>()
let standing = ''

/** A line on stderr that stays below whatever is printed, until it is empty; of several the first one stands there. */
export function foot(): (text: string) => void {
  const own = { text: '' }
  return text => {
    own.text = text
    if (text === '') feet.delete(own)
    else feet.add(own)
    const [first] = feet
    const former = standing
    // The last column stays free, where a terminal would begin a new line.
    standing = [...plain(first?.text ?? '')].slice(0, (process.stderr.columns || WIDTH) - 1).join('')
    if (standing !== former) process.stderr.write(CLEAR + standing)
  }
}

/** Prints whole lines, above the foot where there is one. */
function above(print: () => void): void {
  if (standing !== '') process.stderr.write(CLEAR)
  print()
  if (standing !== '') process.stderr.write(standing)
}

/** Stdout, of which each line is printed above the foot. */
export function aboveFoot(): Destination & Writable {
  const { stdout } = process
  const out = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      above(() => stdout.write(text))
      done()
    },
  })
  return Object.assign(out, { isTTY: true, hasColors: () => stdout.hasColors() })
}
