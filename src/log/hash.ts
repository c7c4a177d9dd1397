/** The hash of NATS' `partition()`: FNV-1a of 32 bits. It begins with this. */
export const SEED = 0x811c9dc5 | 0

const PRIME = 0x01000193

/** The hash of what had the hash before, and of one byte more. */
export const hashedOn = (hash: number, byte: number): number => Math.imul(hash ^ byte, PRIME)

export function hashOf(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let hash = SEED
  for (let at = from; at < to; at++) hash = hashedOn(hash, bytes[at]!)
  return hash
}
