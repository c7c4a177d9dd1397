import type { SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import { feedRequests, feedsAround } from '../feeds/requests.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

type Generate = Receiver<SaysOf<'generate_livestream_feed'>, never>

/** Asks for the feeds the streamer can be in. */
export const generateLivestreamFeed = ({ documents, groups, append, time, steps }: World): Generate => ({
  async perform({ id, payload: { streamerId, tags } }) {
    // The tags of the session's start count too: a streamer who has moved from Taiwan has to leave the feed of Asia.
    const feeds = feedsAround(groups, [await documents.get('users', streamerId), { tags }])
    await step(steps, 'feed.request', feeds, () => append(feedRequests(feeds, id, time.now())))
    return { outcome: 'done', detail: { feeds } }
  },
})
