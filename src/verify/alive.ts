/** Records of who is alive, held against the viewers that the log makes. */
import { KINDS } from '../../actors/kinds.ts'
import { type AliveRecord, secondOf } from '../audience/alive-counter.ts'
import type { AllAlive } from '../audience/present.ts'
import type { CheckpointRecord } from '../checkpoint/index.ts'
import type { Held } from '../checkpoint/peek.ts'
import { type KeptSnapshot, Transitions } from '../partition/transitions.ts'
import type { Checked } from './checked.ts'

/** The viewers that the records of a partition count, less each that is read. */
export class AliveCheck {
  readonly #transitions = new Transitions()
  /** by stream, null: of all; in each second, how many more viewers are counted than there are */
  readonly #records = new Map<string | null, Map<number, number>>()
  /** the first second that counts; undefined: a former version wrote the last commit and the next claim counts anew */
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
    this.#records.set(names[1] ?? null, rest)
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
    const second = secondOf(at)
    if (second < this.#since!) return
    const rest = this.#records.get(stream) ?? new Map<number, number>()
    this.#records.set(stream, rest.set(second, (rest.get(second) ?? 0) - 1))
  }

  /** All actors were read. */
  end(checked: Checked): void {
    if (this.#since === undefined) return
    for (const [stream, rest] of this.#records) {
      const [first] = [...rest].filter(([second, more]) => second >= this.#since! && more !== 0)
      if (!first) continue
      const [second, more] = first
      const name = ['aggregate', 'alive', ...(stream === null ? [] : [stream])].join(' ')
      const text = `counts ${Math.abs(more)} viewers too ${more > 0 ? 'many' : 'few'} at ${second * 1_000}`
      checked.tell({ of: 'state', name, text })
    }
  }
}
