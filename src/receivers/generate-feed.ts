import type { AnswerOf, SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

/** Has a feed generated, and tells its actor. */
export const generateFeed = ({
  host,
  steps,
}: World): Receiver<SaysOf<'feed.generate'>, AnswerOf<'feed.generated'>> => ({
  async perform({ payload: { feed, generation } }) {
    const { generatedAt, items } = await step(steps, 'feed.generate', feed, () => host.generateFeed(feed, generation))
    return { outcome: 'done', detail: { items }, answer: { kind: 'feed.generated', generation, generatedAt, items } }
  },
})
