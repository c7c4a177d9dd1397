import { type Collection, type Db, MongoNetworkError } from 'mongodb'

export interface Call {
  collection: string
  method: string
  args: unknown[]
}

/** Decides what becomes of a call; `work` carries it out. */
export type Meet = (call: Call, work: () => Promise<unknown>) => Promise<unknown>

type Method = (...args: unknown[]) => unknown

export const lost = (): Error => new MongoNetworkError('the connection broke')

/** A database of which every call goes through `meet`, those of cursors when they are read. */
export function interceptedDb(db: Db, meet: Meet): Db {
  const collectionOf = (...args: Parameters<Db['collection']>): Collection => {
    const real = db.collection(...args)
    const met =
      (method: string, work: Method): Method =>
      (...given) => {
        const call = { collection: args[0], method, args: given }
        if (method !== 'find' && method !== 'aggregate') return meet(call, async () => work(...given))
        return { toArray: () => meet(call, () => (work(...given) as { toArray(): Promise<unknown> }).toArray()) }
      }
    return new Proxy(real, {
      get: (_, name) => {
        const value: unknown = Reflect.get(real, name, real)
        return typeof value === 'function' ? met(String(name), value.bind(real)) : value
      },
    })
  }
  return new Proxy(db, {
    get: (_, name) => (name === 'collection' ? collectionOf : Reflect.get(db, name, db)),
  })
}
