import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { Event } from '../../actors/event.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { Collection, DocumentStore } from '../../src/documents/index.ts'
import type { Effect, Progress } from '../../src/effects/index.ts'
import type { ChannelEvent } from '../../src/notify/index.ts'
import { recordedOutputs, recordedPush } from '../../src/notify/recorded.ts'
import type { World } from '../../src/receivers/index.ts'
import { NOON } from './one-partition.ts'
import { ManualTime } from './time.ts'

const opened: { documents: DocumentStore; path: string }[] = []
afterEach(async () => {
  for (const { documents, path } of opened.splice(0)) {
    await documents.close()
    rmSync(path, { recursive: true, force: true })
  }
})

/** What receivers work with, in a folder of its own, with all that they sent and appended. */
export function world(more: Partial<World> = {}) {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const documents = openDocuments({ path })
  opened.push({ documents, path })
  const events: ChannelEvent[] = []
  const appended: Event[] = []
  const renewed: string[] = []
  const made: World = {
    documents,
    channels: {
      async send(event) {
        events.push(event)
        return 'sent'
      },
      gauge: event => void events.push(event),
      close: async () => {},
    },
    push: recordedPush(),
    outputs: recordedOutputs(),
    host: {
      generateFeed: async () => ({ generatedAt: NOON, items: 7 }),
      renewChannels: async streamerId => void renewed.push(streamerId),
    },
    groups: [
      { name: 'global', countries: [] },
      { name: 'asia', countries: ['tw', 'jp'] },
    ],
    append: async each => appended.push(...each),
    time: new ManualTime(NOON),
    ...more,
  }
  const put = (collection: Collection, id: string, set: Record<string, unknown>): Promise<void> =>
    documents.upsertMany(collection, [{ id, seq: 1, set }])
  return { ...made, world: made, events, appended, renewed, put }
}

export const effect = (kind: string, payload: Record<string, unknown>, at = NOON): Effect => ({
  ...{ id: `streamer-session/sam:5:${kind.length}`, kind, actor: 'streamer-session/sam', seq: 5, index: kind.length },
  ...{ at, payload: { sessionId: 's1', streamerId: 'sam', ...payload } },
})

export const progress = (): Progress => ({ cursor: '', through: new Set(), again: new Set(), counts: {} })
