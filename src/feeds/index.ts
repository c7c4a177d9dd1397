/**
 * Feeds: who is live, in the order a group of regions is shown them. A feed's actor says when one is generated; here it
 * is computed, by a pipeline over the documents, and stored. One run serves the two aliases of a feed.
 */

export interface FeedGenerator {
  /** Runs a feed's pipeline, with the number of viewers of just now, and stores what it finds. */
  generateFeed(feed: string, generation: number): Promise<Generated>
}

export interface Generated {
  /** ms since the epoch */
  generatedAt: number
  items: number
}
