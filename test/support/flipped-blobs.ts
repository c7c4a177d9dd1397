import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { flipped } from './flipped.ts'

type Key = (string | number)[]

/** Keys of the pieces of a partition's checkpoint in LMDB whose content `isMeant`. */
async function flipPieces(path: string, partition: number, bit: number, isMeant: (value: Buffer) => boolean) {
  const env = openStateEnvironment(path)
  const options = { useVersions: true, cache: false, encoding: 'binary' } as const
  const table = env.openDB<Buffer, Key>('checkpoint', options)
  const pieces = [...table.getRange({ start: [partition, 'blobs'], end: [partition, 'blobs\0'] })]
  const meant = pieces.filter(({ value }) => isMeant(value))
  for (const { key, value } of meant) await table.put(key, flipped(value, bit), 0)
  await env.close()
  return meant.map(({ key: [, , ...numbers] }) => [partition, ...numbers].join('/'))
}

/** Flips a bit of each piece of a partition's checkpoint; answers with what these are called. */
export const flipAllPieces = (path: string, partition: number, bit: number): Promise<string[]> =>
  flipPieces(path, partition, bit, () => true)

/** Flips a bit of each piece of a partition's checkpoint in which the text is. */
export const flipPiecesWith = (path: string, partition: number, text: string, bit: number): Promise<string[]> =>
  flipPieces(path, partition, bit, value => value.includes(text))
