import { hashedOn, hashOf, SEED } from './hash.ts'

/** `fnv1a32(utf8(key)) % partitions`, as NATS' `partition()` computes it. */
export function partitionOf(key: string, partitions: number): number {
  let hash = SEED
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return partitionOfHash(hashOf(Buffer.from(key)), partitions)
    hash = hashedOn(hash, unit)
  }
  return partitionOfHash(hash, partitions)
}

/** The partition of the key whose bytes in UTF-8 have the hash. */
export const partitionOfHash = (hash: number, partitions: number): number => (hash >>> 0) % partitions
