/** Records of who is alive, held against the viewers that the log makes. */
import { KINDS } from '../../actors/kinds.ts'
import type { AliveRecord } from '../audience/alive-counter.ts'
import type { AllAlive } from '../audience/present.ts'
import type { CheckpointRecord } from '../checkpoint/index.ts'
import type { Held } from '../checkpoint/peek.ts'
import { type KeptSnapshot, Transitions } from '../partition/transitions.ts'
import type { Checked } from './checked.ts'

/** A record, and by second how many more viewers it counts than there are. */
interface Counted {
  since: number
  rest: Map<number, number>
}

/** What the records of a partition count, less each viewer that is read. */
export class AliveCheck {
  readonly #transitions = new Transitions()
  readonly #records = new Map<string | null, Counted>()
  /** undefined: a former version wrote the last commit and the next claim counts anew */
  #since: number | undefined

  static async of(held: Held, checked: Checked): Promise<AliveCheck> {
    const check = new AliveCheck()
    for await (const record of held.some({ space: 'aggregate', names: ['alive'] })) {
      if ('error' in record) continue
      try {
        check.#add(record, checked.cut)
      } catch (error) {
        const name = ['aggregate', ...record.names].join(' ')
        checked.tell({ of: 'state', name, text: `is none of who is alive: ${(error as Error).message}` })
      }
    }
    return check
  }

  #add({ names, value }: CheckpointRecord, cut: number): void {
    const { since, counts } = value as AliveRecord
    if (names.length === 1 && (value as AllAlive).cut === cut) this.#since = since
    const rest = new Map<number, number>()
    for (let i = 0; i < counts.length; i += 2) rest.set(since + counts[i]!, counts[i + 1]!)
    this.#records.set(names[1] ?? null, { since, rest })
  }

  /** Takes a record that was derived. */
  take({ space, names: [name, , part], value }: CheckpointRecord): void {
    const kind = space === 'actor' && part === '' ? KINDS.find(({ kind }) => kind === name) : undefined
    if (this.#since === undefined || !kind?.presence || !Array.isArray(value)) return
    const last = kind.presence(this.#transitions.restore(kind, value as KeptSnapshot).context)
    if (!last) return
    this.#less(null, last.at)
    if (last.stream !== null) this.#less(last.stream, last.at)
  }

  #less(stream: string | null, at: number): void {
    const second = Math.floor(at / 1_000)
    const counted = this.#records.get(stream) ?? { since: this.#since!, rest: new Map<number, number>() }
    if (second < counted.since) return
    this.#records.set(stream, counted)
    const rest = (counted.rest.get(second) ?? 0) - 1
    if (rest === 0) counted.rest.delete(second)
    else counted.rest.set(second, rest)
  }

  /** All actors were read. */
  end(checked: Checked): void {
    if (this.#since === undefined) return
    for (const [stream, { rest }] of this.#records) {
      const [first] = rest
      if (!first) continue
      const [second, more] = first
      const name = ['aggregate', 'alive', ...(stream === null ? [] : [stream])].join(' ')
      const text = `counts ${Math.abs(more)} viewers too ${more > 0 ? 'many' : 'few'} at ${second * 1_000}`
      checked.tell({ of: 'state', name, text })
    }
  }
}
