import type { Receiver } from '../effects/index.ts'
import { feedKeysOf } from '../feeds/groups.ts'
import type { World } from './index.ts'

/** Asks for the feeds the streamer can be in. A feed asked for twice runs once more at most. */
export const generateLivestreamFeed = ({ documents, groups, append, now }: World): Receiver => ({
  async perform({ id, payload }) {
    const user = await documents.get('users', String(payload.streamerId))
    const { country, tags } = (user ?? {}) as { country?: string | null; tags?: string[] | null }
    // Those of now and of the session's start: where she was, she has to leave.
    const all = [...(tags ?? []), ...(payload.tags as string[])]
    const tagged = all.filter(tag => tag.startsWith('country:')).map(tag => tag.slice('country:'.length))
    const feeds = feedKeysOf(groups, country ? [country, ...tagged] : tagged)
    const at = now()
    await append(feeds.map(feed => ({ kind: 'feed.request', key: feed, id, at, arrival: at })))
    return { outcome: 'done', detail: { feeds } }
  },
})
