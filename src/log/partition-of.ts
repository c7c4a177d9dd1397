/** `fnv1a32(utf8(key)) % partitions`, as NATS' `partition()` computes it. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return fnv1a(Buffer.from(key)) % partitions
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  return (hash >>> 0) % partitions
}

function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
