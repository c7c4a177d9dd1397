import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

/** Has a feed generated, and tells its actor. */
export const generateFeed = ({ host }: World): Receiver => ({
  async perform({ payload }) {
    const generation = Number(payload.generation)
    const { generatedAt, items } = await host.generateFeed(String(payload.feed), generation)
    return { outcome: 'done', detail: { items }, answer: { kind: 'feed.generated', generation, generatedAt, items } }
  },
})
