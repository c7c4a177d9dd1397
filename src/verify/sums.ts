/** Sums of statistics over all partitions, held against their parts as they are kept. */

import { sumOf } from '../audience/statistics.ts'
import type { StatisticsRecord } from '../audience/window.ts'
import type { DocumentPeek } from '../documents/peek.ts'
import type { Seq } from '../log/index.ts'
import type { Time } from '../time.ts'
import type { Checked } from './checked.ts'
import { unlike } from './unlike.ts'

/** A sum follows its parts within a second, while somebody runs. */
const AGAIN_MS = 3_000
const AT_ONCE = 50

interface Sums {
  documents: DocumentPeek
  partitions: number
  /** windows whose sums nobody knows to be written */
  pending: ReadonlySet<number>
  /** how far each partition was compared: a part that changed since then may have no sum yet */
  cutOf(partition: number): Seq
  checked: Checked
  time: Time
}

type Part = StatisticsRecord & { partition: number }

interface Found {
  /** what the parts add up to, by which it is known whether they have changed */
  seq: number
  isNewer: boolean
  text: string
}

/** Answers how many sums were written meanwhile, and are passed over. */
export async function compareSums(sums: Sums): Promise<number> {
  const { documents, pending, checked, time } = sums
  const differing = new Map<number, Found>()
  for await (const some of documents.all('statistics')) {
    const windows = some.flatMap(({ document }) => (document ? [Number(document.timestamp)] : []))
    const left = [...new Set(windows)].filter(window => !pending.has(window) && !differing.has(window))
    for (let i = 0; i < left.length; i += AT_ONCE)
      for (const [window, found] of await look(left.slice(i, i + AT_ONCE), sums)) differing.set(window, found)
  }
  if (differing.size === 0) return 0
  await time.sleep(AGAIN_MS)
  const again = await look([...differing.keys()], sums)
  let newer = 0
  for (const [window, { seq, isNewer, text }] of again) {
    if (!isNewer && seq === differing.get(window)!.seq)
      checked.tell({ of: 'document', name: `statistics ${window}`, text })
    else newer++
  }
  return newer
}

/** The windows whose sum is not that of their parts. */
async function look(windows: readonly number[], { documents, partitions, cutOf }: Sums): Promise<Map<number, Found>> {
  const found = new Map<number, Found>()
  for (const window of windows) {
    const ids = Array.from({ length: partitions }, (_, p) => `${window}/${p}`)
    const kept = await documents.some('statistics', [...ids, String(window)])
    const parts = ids.flatMap(id => kept.get(id)?.document ?? []) as unknown as Part[]
    const { id, seq, set } = sumOf(window, parts)
    const isNewer = parts.some(part => (part.seq ?? 0) > cutOf(part.partition))
    const sum = kept.get(id)
    const text = sum?.document ? unlike(sum.document, { _id: id, ...set }) : 'is not there'
    if (text) found.set(window, { seq, isNewer, text })
  }
  return found
}
