import { MAX_BODY_BYTES, MAX_RECORDS } from './delivery.ts'

/** Groups records into what one request may carry, in number and in bytes of their JSON. */
export async function* batches<T>(
  records: AsyncIterable<T> | Iterable<T>,
  jsonOf: (record: T) => string,
): AsyncGenerator<T[]> {
  let batch: T[] = []
  let bytes = 0
  for await (const record of records) {
    const size = Buffer.byteLength(jsonOf(record)) + 1
    if (batch.length === MAX_RECORDS || (batch.length > 0 && bytes + size > MAX_BODY_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
