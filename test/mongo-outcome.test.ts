import { MongoNetworkError, MongoServerError } from 'mongodb'
import { expect, test } from 'vitest'
import { repeated } from '../src/mongodb/outcome.ts'

const ended = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
const duplicate = new MongoServerError({ message: 'E11000 duplicate key', code: 11_000 })

/** Fails once, then is done. */
const failing = (error: Error) => {
  let attempts = 0
  return () => (attempts++ === 0 ? Promise.reject(error) : Promise.resolve('done'))
}

test.each([
  ['a connection that broke', new MongoNetworkError('connection closed')],
  ['a socket that had ended already', ended],
])('what met %s is repeated', async (_, error) => {
  expect(await repeated(failing(error), 1_000)).toBe('done')
})

test('without patience it is said that MongoDB gives no answer', async () => {
  const work = repeated(() => Promise.reject(ended), 0)
  await expect(work).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE', cause: ended })
})

test.each([
  ['what the server refuses', duplicate],
  ['a fault of the program', new TypeError('x is not a function')],
])('%s is not repeated', async (_, error) => {
  await expect(repeated(failing(error), 1_000)).rejects.toBe(error)
})
