/** The free list of an environment: pages to be given out again, which LMDB reads when it first writes. */
import { readSync } from 'node:fs'

/** Where in a page its parts are, and in a node of it. */
const [FLAGS_AT, END_AT, NODES_AT, NODE_FLAGS_AT, KEY_BYTES_AT, KEY_AT] = [18, 20, 24, 4, 6, 8]
const IS_BRANCH = 0x01
/** Flag of a node whose data lies in pages of its own. */
const IS_ELSEWHERE = 0x01

export interface FreeList {
  root: bigint
  depth: number
  pageSize: number
}

/** True if the file, of so many bytes, has all pages of the list. */
export function hasFreeList(file: number, size: number, { root, depth, pageSize }: FreeList): boolean {
  const pageAt = (number: bigint): Buffer | null => {
    if ((number + 1n) * BigInt(pageSize) > size) return null
    const page = Buffer.alloc(pageSize)
    readSync(file, page, 0, pageSize, Number(number) * pageSize)
    return page
  }
  const hasData = (number: bigint): boolean => {
    const first = pageAt(number)
    return first !== null && (number + BigInt(first.readUInt32LE(END_AT))) * BigInt(pageSize) <= size
  }
  const has = (number: bigint, levels: number): boolean => {
    const page = levels > 0 ? pageAt(number) : null
    if (!page) return false
    const isBranch = (page.readUInt16LE(FLAGS_AT) & IS_BRANCH) !== 0
    const nodes = Array.from({ length: page.readUInt16LE(END_AT) / 2 }, (_, i) => {
      return page.subarray(NODES_AT + page.readUInt16LE(NODES_AT + 2 * i))
    })
    return nodes.every(node => {
      const flags = node.readUInt16LE(NODE_FLAGS_AT)
      if (isBranch) return has((BigInt(flags) << 32n) | BigInt(node.readUInt32LE(0)), levels - 1)
      return !(flags & IS_ELSEWHERE) || hasData(node.readBigUInt64LE(KEY_AT + node.readUInt16LE(KEY_BYTES_AT)))
    })
  }
  try {
    return depth === 0 || has(root, depth)
  } catch (error) {
    // A page that is none leads out of itself.
    if (error instanceof RangeError) return false
    throw error
  }
}
