/**
 * Reads all that is kept, derives the state anew from the log, and says where they differ. Changes nothing and sends
 * nothing: what is derived lies in a folder of its own, which goes at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rules } from '../../actors/index.ts'
import { type Config, recordedSettings } from '../config.ts'
import { COLLECTIONS, type Collection } from '../documents/index.ts'
import type { Effect } from '../effects/index.ts'
import { RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import { refusalOf, rulesOf } from '../log/recorded.ts'
import { atMost, systemTime, type Time } from '../time.ts'
import { Accounts, accountsIn } from './accounts.ts'
import { Checked } from './checked.ts'
import { Derivation, Scratch } from './derivation.ts'
import { type Comparison, compareDerived, compareKept, PROJECTED, type Projected, tellUnread } from './documents.ts'
import type { Progress, Said, Summary } from './finding.ts'
import { compareLive } from './live.ts'
import { Pace } from './pace.ts'
import { Partings } from './parting.ts'
import { verifyPartition } from './partition.ts'
import { openPlaces, type Places } from './places.ts'
import { seed } from './start.ts'
import { compareSums } from './sums.ts'
import { Walk } from './walk.ts'

export interface VerifyOptions {
  /** events, records and documents a second; null: as many as it can */
  rate: number | null
  time?: Time
  /** called when all that servers write is open: while it is being opened they hold still */
  isOpen?(): void
}

const PROGRESS_MS = 1_000
/** Documents that the log makes, and those that it does not, which are read for what is damaged. */
const DERIVED = Object.keys(PROJECTED) as Projected[]
const OTHERS = (Object.keys(COLLECTIONS) as Collection[]).filter(name => name !== 'effects' && !(name in PROJECTED))

/** Tells of each difference, and in between how far it is; the summary comes last. */
export async function* verify(
  config: Config,
  { rate, time = systemTime, isOpen }: VerifyOptions,
): AsyncGenerator<Said> {
  await using opened = new AsyncDisposableStack()
  const places = await openPlaces(config, opened)
  isOpen?.()
  const { settings, changed } = places.log
  const refusal = settings ? refusalOf({ settings, changed }, recordedSettings(config)) : ''
  if (refusal) throw new RollcallError('RC_CONFIG_CHANGED', refusal)
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-verify-'))
  const clean = (): void => rmSync(folder, { recursive: true, force: true })
  // A process that is told to end does so at once, in the middle of its work.
  process.once('exit', clean)
  opened.defer(() => {
    process.off('exit', clean)
    clean()
  })
  const rules = rulesOf(settings ?? {}, config)
  yield* new Verification({ config, places, rules, folder, pace: new Pace(rate, time), time, opened }).run()
}

interface Options {
  config: Config
  places: Places
  rules: Rules
  folder: string
  pace: Pace
  time: Time
  opened: AsyncDisposableStack
}

class Verification {
  readonly #options: Options
  readonly #scratch: Scratch
  readonly #checked: Checked[] = []
  readonly #since: number
  readonly #counts = { entries: 0, events: 0, records: 0, documents: 0, accounts: 0 }
  /** what is of no single partition */
  readonly #others = new Checked(null)
  #accounts: Awaited<ReturnType<typeof accountsIn>> = new Map()
  /** as they were last seen */
  readonly #cuts = new Map<number, Seq>()
  #newer = 0

  constructor(options: Options) {
    const { folder, opened, time } = options
    this.#options = options
    this.#scratch = opened.adopt(new Scratch(join(folder, 'derived')), each => each.close())
    this.#since = time.monotonic()
  }

  async *run(): AsyncGenerator<Said> {
    const { partitions } = this.#options.config
    this.#accounts = await accountsIn(this.#options.places.documents, (id, error) =>
      this.#others.tell({ of: 'effect', name: id, text: `its account cannot be read: ${error.message}` }),
    )
    for (let p = 0; p < partitions; p++) {
      const checked = new Checked(p)
      this.#checked.push(checked)
      yield* this.#during('partitions', p, this.#partition(checked))
    }
    yield* this.#during('documents', partitions, this.#documents())
    yield* this.#during('copies', partitions, this.#live())
    for (const checked of [...this.#checked, this.#others]) {
      const { partition, suspects } = checked
      if (partition !== null && suspects.length > 0)
        yield* this.#during('first events', partition, this.#findPartings(checked))
      if (checked === this.#others && this.#newer > 0)
        checked.note(`${this.#newer} documents were written meanwhile, and were passed over`)
      yield* [...checked.said, ...checked.suspects.map(({ difference }) => difference), ...checked.rest]
    }
    yield this.#summary()
  }

  /** Tells about every second how far it is, and at the end of the work. */
  async *#during(step: Progress['step'], partition: number, work: Promise<void>): AsyncGenerator<Progress> {
    const { time, config } = this.#options
    let isDone = false
    const ended = work.finally(() => {
      isDone = true
    })
    // The error is told when it is awaited.
    ended.catch(() => {})
    while (!isDone) {
      await atMost(time, PROGRESS_MS, ended)
      const { accounts: _, ...counts } = this.#counts
      const { partitions } = config
      yield { type: 'progress', step, partition, partitions, ...counts, differences: this.#differences }
    }
    await ended
  }

  async #open(scratch: Scratch, { partition, from }: Checked, accounts?: Accounts): Promise<Derivation> {
    const { rules, config, places } = this.#options
    if (from) await seed(scratch, partition!, places.kept, from)
    const asked = (effects: readonly Effect[]): void => accounts?.take(effects)
    return Derivation.open({ scratch, partition: partition!, rules, snapshots: config.snapshots, asked })
  }

  async #partition(checked: Checked): Promise<void> {
    const { places, pace } = this.#options
    const accounts = new Accounts(this.#accounts.get(checked.partition!), places.documents, checked)
    const derive = (): Promise<Derivation> => this.#open(this.#scratch, checked, accounts)
    this.#counts.accounts += accounts.size
    await verifyPartition(checked, { places, pace, accounts, counts: this.#counts, derive })
  }

  async #documents(): Promise<void> {
    const { places, config, pace, time } = this.#options
    const derived = this.#scratch.peek
    const { partitions } = config
    const comparison: Comparison = {
      ...{ kept: places.documents, derived, partitions, now: time.now() },
      checkedOf: partition => {
        const checked = partition === null ? undefined : this.#checked[partition]
        return checked && checked.start !== null ? checked : undefined
      },
      isNewer: (partition, seq) => this.#isNewer(partition, seq),
      unread: (name, error) => this.#others.tell({ of: 'document', name, text: `cannot be read: ${error.message}` }),
    }
    for (const collection of DERIVED) {
      for await (const found of derived.all(collection)) {
        this.#counts.documents += await compareDerived(collection, found, comparison)
        await pace.spend(found.length)
      }
      for await (const found of places.documents.all(collection)) {
        await compareKept(collection, found, comparison)
        await pace.spend(found.length)
      }
    }
    for (const collection of OTHERS) {
      for await (const found of places.documents.all(collection)) {
        tellUnread(collection, found, comparison)
        this.#counts.documents += found.length
        await pace.spend(found.length)
      }
    }
    const pending = new Set(this.#checked.flatMap(({ windows }) => [...windows]))
    this.#newer += await compareSums({
      ...{ documents: places.documents, partitions, pending, checked: this.#others, time },
      cutOf: partition => this.#checked[partition]?.cut ?? 0,
    })
  }

  /** A commit comes before its documents: what no commit is known of by now, nobody wrote that should have. */
  async #isNewer(partition: number, seq: Seq): Promise<boolean> {
    if (seq > (this.#cuts.get(partition) ?? 0)) {
      const anchor = await this.#options.places.cuts.of(partition)
      this.#cuts.set(partition, anchor?.cut ?? 0)
    }
    const isNewer = seq <= this.#cuts.get(partition)!
    if (isNewer) this.#newer++
    return isNewer
  }

  /** Reads the log of a partition once more, to find out where things part. */
  async #findPartings(checked: Checked): Promise<void> {
    const { places, folder, pace } = this.#options
    const { suspects } = checked
    const partition = checked.partition!
    const again = new Scratch(join(folder, `again-${partition}`))
    try {
      const derivation = await this.#open(again, checked)
      const partings = new Partings(suspects, async key => (await derivation.record(key))?.value)
      await partings.begin()
      const { log, cuts } = places
      const counts = { entries: 0, events: 0 }
      const walk = new Walk({ log, partition, derivation, pace, checked: new Checked(partition), counts })
      await walk.follow(checked.start!, checked.cut, (entry, cut) => partings.take(entry, cut))
      const now = await cuts.of(partition)
      await walk.follow(checked.cut, now?.cut ?? 0, (_, cut) => partings.takeNewer(cut))
      this.#newer += checked.keep(partings.end())
    } finally {
      await again.close()
    }
  }

  async #live(): Promise<void> {
    const { config, places, time } = this.#options
    const { redisUrl: url, partitions } = config
    const bounds = url && (await places.log.bounds(0))
    if (!url || !bounds) return
    await compareLive({
      ...{ url, generation: bounds.incarnation, partitions, time, checked: this.#checked },
      ...{ store: this.#scratch.store, documents: this.#scratch.peek },
      note: text => this.#others.note(text),
    })
  }

  get #differences(): number {
    return [this.#others, ...this.#checked].reduce((sum, { differences }) => sum + differences, 0)
  }

  #summary(): Summary {
    const { config, time } = this.#options
    return {
      ...{ type: 'summary', partitions: config.partitions, ...this.#counts },
      derived: this.#checked.filter(({ start }) => start !== null).length,
      differences: this.#differences,
      notes: [this.#others, ...this.#checked].reduce((sum, { notes }) => sum + notes, 0),
      seconds: Math.round(time.monotonic() - this.#since) / 1_000,
    }
  }
}
