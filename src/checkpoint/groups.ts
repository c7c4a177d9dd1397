/** Groups: records that lie in one bucket, known by how their ids begin. */

/**
 * The group of an id, which lies in one bucket: an actor's snapshot, all of one part of an actor (a day of a visitor,
 * the ratings of a session), else what has the first two names in common. Undefined if a prefix of names reaches over
 * several.
 */
export function groupOf(id: string): string | undefined {
  let end = id.indexOf('\0')
  const count = id.startsWith('actor\0') ? 4 : 2
  for (let n = 1; n <= count; n++) {
    const next = id.indexOf('\0', end + 1)
    if (next < 0) return undefined
    const isSnapshot = count === 4 && n === 3 && next === end + 1
    end = next
    if (isSnapshot) break
  }
  return id.slice(0, end + 1)
}

/** 32 bits, the upper ones as good as any: fnv1a, stirred as in murmur3. Buckets on disk depend on it. */
export function hashOf(group: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < group.length; i++) hash = Math.imul(hash ^ group.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
