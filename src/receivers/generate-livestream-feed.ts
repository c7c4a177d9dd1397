import type { SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import { feedKeysOf } from '../feeds/groups.ts'
import type { World } from './index.ts'

const COUNTRY = 'country:'

type Generate = Receiver<SaysOf<'generate_livestream_feed'>, never>

/** Asks for the feeds the streamer can be in. A feed asked for twice runs once more at most. */
export const generateLivestreamFeed = ({ documents, groups, append, time }: World): Generate => ({
  async perform({ id, payload: { streamerId, tags } }) {
    const user = await documents.get('users', streamerId)
    const own: unknown[] = Array.isArray(user?.tags) ? user.tags : []
    // The tags of the session's start count too: a streamer who has moved from Taiwan has to leave the feed of Asia.
    const tagged = [...own, ...tags]
      .filter(tag => typeof tag === 'string')
      .filter(tag => tag.startsWith(COUNTRY))
      .map(tag => tag.slice(COUNTRY.length))
    const country = typeof user?.country === 'string' && user.country !== '' ? [user.country] : []
    const feeds = feedKeysOf(groups, [...country, ...tagged])
    const at = time.now()
    await append(feeds.map(feed => ({ kind: 'feed.request', key: feed, id, at, arrival: at })))
    return { outcome: 'done', detail: { feeds } }
  },
})
