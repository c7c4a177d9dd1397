/** Accounts of effects, held against the effects that the log asks for: each once, and none that nobody asked for. */
import type { Held } from '../checkpoint/peek.ts'
import type { DocumentPeek } from '../documents/peek.ts'
import { KEPT_ACCOUNTS } from '../effects/history.ts'
import type { Effect } from '../effects/index.ts'
import type { Checked } from './checked.ts'
import { unlike } from './unlike.ts'

/** The effect by which followers hear of a session; of a session there is one. */
const TOLD_ONCE = 'notify_followers_livestream_online'

type Account = Effect & { partition: number; state: string; lane?: string }

/** The accounts that were there at the beginning, by partition. A partition has 300 of a kind at most. */
export async function accountsIn(documents: DocumentPeek, tell: (id: string, error: Error) => void) {
  const found = new Map<number, Map<string, Account>>()
  for await (const some of documents.all('effects')) {
    for (const each of some) {
      if ('error' in each) tell(each.id, each.error)
      if (!each.document) continue
      const { _id: id, ...fields } = each.document
      const account = { id, ...fields } as unknown as Account
      const own = found.get(account.partition) ?? new Map<string, Account>()
      found.set(account.partition, own.set(id, account))
    }
  }
  return found
}

const effectOf = ({ id, kind, actor, seq, index, at, payload }: Effect): Effect => ({
  ...{ id, kind, actor, seq, index, at, payload },
})

/** The effect but for its trace, which a former version did not keep. */
const untraced = ({ traceparent: _, ...effect }: Effect): object => effect

/** The accounts of one partition, from which go those whose effects the log asks for. */
export class Accounts {
  readonly #left: Map<string, Account>
  readonly #all: Map<string, Account>
  readonly #documents: DocumentPeek
  readonly #checked: Checked
  /** effects that are not in the outbox and have no account any more, since only the newest are kept */
  trimmed = 0

  constructor(accounts: Map<string, Account> | undefined, documents: DocumentPeek, checked: Checked) {
    this.#all = accounts ?? new Map()
    this.#left = new Map(this.#all)
    this.#documents = documents
    this.#checked = checked
  }

  get size(): number {
    return this.#all.size
  }

  /** Takes effects that the log asks for. */
  take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const account = this.#left.get(effect.id)
      if (!account) continue
      this.#left.delete(effect.id)
      const text = unlike(effectOf(account), effectOf(effect))
      if (text) this.#checked.tell({ of: 'effect', name: effect.id, text })
    }
  }

  /** Compares what is left when all was derived: the outbox as it is kept, and as the log makes it. */
  async end(held: Held, derived: AsyncIterable<{ value: unknown }>): Promise<void> {
    const missing: Effect[] = []
    const waiting = new Set<string>()
    for await (const { value } of derived) {
      const effect = value as Effect
      const kept = held.get({ space: 'outbox', names: [effect.id] })
      waiting.add(effect.id)
      if (!kept) missing.push(effect)
      else if ('error' in kept) continue
      else {
        const text = unlike(untraced(kept.value as Effect), untraced(effect))
        if (text) this.#checked.tell({ of: 'effect', name: effect.id, text: `in the outbox, ${text}` })
      }
    }
    for await (const { space, names } of held.records()) {
      if (space !== 'outbox' || waiting.has(names[0]!)) continue
      const text = 'waits in the outbox, though nobody asked for it or it was answered'
      this.#checked.tell({ of: 'effect', name: names[0]!, text })
    }
    await this.#lookFor(missing)
    this.#tellOthers()
  }

  /** An effect that left the outbox without an answer has an account, unless that is too long ago. */
  async #lookFor(missing: readonly Effect[]): Promise<void> {
    const oldest = new Map<string, { seq: number; count: number }>()
    for (const { kind, seq, lane } of this.#all.values()) {
      // Accounts of a former version are in no lane: they push out those of all kinds.
      for (const name of lane === undefined ? [...new Set(missing.map(each => each.kind))] : [kind]) {
        const known = oldest.get(name) ?? { seq, count: 0 }
        oldest.set(name, { seq: Math.min(known.seq, seq), count: known.count + 1 })
      }
    }
    const unknown = missing.filter(({ id }) => !this.#all.has(id))
    const there = await this.#documents.some(
      'effects',
      unknown.map(({ id }) => id),
    )
    for (const { id, kind, seq } of unknown) {
      if (there.get(id)?.document) continue
      const kept = oldest.get(kind)
      if (kept && kept.count >= KEPT_ACCOUNTS && seq <= kept.seq) this.trimmed++
      else this.#checked.tell({ of: 'effect', name: id, text: 'is neither in the outbox nor accounted for' })
    }
  }

  #tellOthers(): void {
    const { cut, start } = this.#checked
    const sessionsOf = Map.groupBy(
      [...this.#all.values()].filter(({ kind }) => kind === TOLD_ONCE),
      ({ payload }) => String(payload.sessionId),
    )
    for (const { id, kind, seq, payload } of this.#left.values()) {
      if (seq > cut || seq <= start!) continue
      const told = kind === TOLD_ONCE ? (sessionsOf.get(String(payload.sessionId)) ?? []) : []
      const others = told.filter(each => each.id !== id).map(each => each.id)
      const twice = others.length > 0 ? `: followers were told twice, also by ${others.join(', ')}` : ''
      this.#checked.tell({ of: 'effect', name: id, text: `was performed, and nobody asked for it${twice}` })
    }
  }
}
