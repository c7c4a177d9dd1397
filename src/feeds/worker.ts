import type { DocumentStore, Patch } from '../documents/index.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { openStores, type StoreSettings, type Stores } from '../stores.ts'
import { type FeedOptions, feed } from './pipeline.ts'

/** An order to the worker: numbers to set and feeds to generate, on documents as they are then. */
export interface Order {
  places: StoreSettings
  /** ms since the epoch */
  at: number
  /** viewers alive, by session; null: not known */
  viewers: ReadonlyMap<string, number> | null
  feeds: Omit<FeedOptions, 'trending'>[]
  generation: number
}

/** Generations of a feed that are kept. */
const KEPT = 10

let opened: Stores | undefined

/**
 * Sets the numbers of viewers of the active sessions, then generates feeds; answers the number of items of the first.
 * With null it closes its store, so that the thread may be ended.
 */
export default async function work(order: Order | null): Promise<number> {
  if (order === null) {
    await opened?.close()
    opened = undefined
    return 0
  }
  const store = await open(order.places)
  if (order.viewers) await countViewers(store, order.viewers, order.at)
  const counts: number[] = []
  for (const options of order.feeds) counts.push(await generate(store, options, order))
  return counts[0] ?? 0
}

async function open(places: StoreSettings): Promise<DocumentStore> {
  if (opened) return opened.documents
  // The order that could not be carried out says why.
  surviveDiskFaults({ report() {} })
  opened = await openStores(places)
  return opened.documents
}

async function countViewers(store: DocumentStore, viewers: ReadonlyMap<string, number>, at: number): Promise<void> {
  const sessions = await store.find('sessions', { filter: { active: true } })
  const patches = sessions.flatMap(({ _id, metadata }): Patch[] => {
    const count = viewers.get(_id) ?? 0
    if (count === viewerCountOf(metadata)) return []
    return [{ id: _id, set: { 'metadata.viewerCount': count, viewersAt: at } }]
  })
  if (patches.length > 0) await store.patchMany('sessions', 'viewersAt', patches)
}

/** The number in a session's metadata; none is the number 0. */
function viewerCountOf(metadata: unknown): unknown {
  return (typeof metadata === 'object' && metadata && 'viewerCount' in metadata && metadata.viewerCount) || 0
}

/** A generation is the document `<alias>/<n>`; the document `<alias>` says which of them is the latest. */
async function generate(
  store: DocumentStore,
  options: Order['feeds'][number],
  { generation, at }: Order,
): Promise<number> {
  const { alias } = options
  const listed = await store.get('trending', 'trending')
  const trending: string[] = Array.isArray(listed?.userIds) ? listed.userIds : []
  const items = await store.aggregate('sessions', feed({ ...options, trending }))
  const latest = `${alias}/${generation % KEPT}`
  const head = await store.get('feeds', alias)
  // A generation that follows is later, also by the clock of an owner that is behind the one before.
  const follows = head !== null && Number(head.generation) < generation
  const generatedAt = follows ? Math.max(at, Number(head.generatedAt) + 1) : at
  const facts = { alias, generation, generatedAt }
  await store.upsertMany('feeds', [{ id: latest, seq: generatedAt, set: { ...facts, items } }])
  await store.upsertMany('feeds', [{ id: alias, seq: generatedAt, set: { ...facts, latest } }])
  return items.length
}
