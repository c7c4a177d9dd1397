/**
 * Runs `task` for every item, at most `limit` at once, drawing the next item only when a task can begin with it.
 * After a failure no further task begins; those under way are waited for, then the first failure is thrown.
 */
export async function eachInFlight<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const failures: unknown[] = []
  const lane = async (): Promise<void> => {
    try {
      while (failures.length === 0) {
        const { value, done } = await iterator.next()
        if (done) return
        await task(value)
      }
    } catch (error) {
      failures.push(error)
    }
  }
  await Promise.all(Array.from({ length: limit }, lane))
  if (failures.length === 0) return
  await iterator.return?.()
  throw failures[0]
}
