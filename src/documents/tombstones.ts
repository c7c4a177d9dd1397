/** Tombstones: traces of removed documents, which no reader sees, no more than the fields that are the store's own. */

type Stage = Record<string, unknown>

/** A condition of what is no trace. */
export const VISIBLE = { _gone: { $exists: false } }
/** A projection. */
export const HIDDEN = { _seq: 0, _gone: 0, _expireAt: 0 }

const UNSET = { $unset: Object.keys(HIDDEN) }

/** The pipeline over what readers see. A first `$match` stays first, where an index can serve it. */
export function visible(pipeline: readonly Stage[]): Stage[] {
  const [first, ...rest] = pipeline
  const [matched, others] = first?.$match ? [{ $and: [first.$match, VISIBLE] }, rest] : [VISIBLE, pipeline]
  return [{ $match: matched }, UNSET, ...others.map(joined)]
}

/** The stage, seeing of other collections what readers see. */
function joined(stage: Stage): Stage {
  if (stage.$lookup) {
    const { pipeline = [], ...lookup } = stage.$lookup as { pipeline?: Stage[] }
    return { $lookup: { ...lookup, pipeline: visible(pipeline) } }
  }
  if (stage.$facet) {
    const facets = Object.entries(stage.$facet as Record<string, Stage[]>)
    return { $facet: Object.fromEntries(facets.map(([name, stages]) => [name, stages.map(joined)])) }
  }
  return stage
}
