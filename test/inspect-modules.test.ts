import { readFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { doors } from './support/doors.ts'

vi.mock('node:fs/promises', async original => {
  const real = await original<{ readFile: typeof readFile }>()
  return { ...real, readFile: vi.fn(real.readFile) }
})

test('the modules of the page are made anew when a file could not be read', async () => {
  const { app, ask } = doors({})
  vi.mocked(readFile).mockRejectedValueOnce(new Error('EMFILE'))
  const statuses = [await ask('/inspect/page/fork.js'), await ask('/inspect/page/fork.js')].map(({ status }) => status)
  expect([statuses[0]! >= 500, statuses[1]]).toEqual([true, 200])
  await app.close()
})
