/**
 * Feeds: who is live, in the order a group of regions is shown them. A feed's actor says when one is generated; here it
 * is computed, by a pipeline over the documents, and stored.
 */

export interface FeedGenerator {
  /** Runs a feed's pipelines, with the number of viewers of just now, and stores what they find. */
  generateFeed(feed: string, generation: number): Promise<Generated>
}

export interface Generated {
  /** ms since the epoch */
  generatedAt: number
  items: number
}
