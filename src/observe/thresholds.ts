/** From where on somebody has to look: the first page says so at once, the alerts of `ops/` where it lasts. */
export const THRESHOLDS = {
  /** free space that is far more than what was accepted still takes */
  freeBytes: 2 ** 30,
  /** entries of a partition that no commit has; fewer are usual under load */
  lagEntries: 500,
  /** an effect that waits for so long does not get through */
  effectMs: 60_000,
} as const
