import { afterEach, expect, test } from 'vitest'
import { doors } from './support/doors.ts'

let opened: ReturnType<typeof doors> | undefined
afterEach(() => opened?.app.close())

test.each([
  ['/inspect/actors?kind=zz', ['kind', 'invalid_value']],
  ['/inspect/actors?state=zz', ['state', 'invalid_value']],
  ['/inspect/actors?kind=viewer&state=live', ['state', 'not_of_kind']],
  ['/actors?state=watching', ['state', 'invalid_value']],
  ['/actors?kind=visitor&state=live', ['state', 'not_of_kind']],
  ['/effects?actor=foo', ['actor', 'invalid_format']],
  ['/effects?actor=zz/ann', ['actor', 'invalid_format']],
  ['/effects?actor=viewer/', ['actor', 'invalid_format']],
])('a list of what there cannot be is refused: GET %s', async (path, fault) => {
  opened = doors({})
  const { status, body } = await opened.ask(path)
  expect([status, body.code]).toEqual([400, 'RC_INVALID_INPUT'])
  expect(body.faults.map((each: { path: string; code: string }) => [each.path, each.code])).toEqual([fault])
})

test('a list of what there can be is asked of the owner', async () => {
  opened = doors({})
  const asked: unknown[] = []
  Object.assign(opened.bridge.directory.owner, {
    async listed(query: unknown) {
      asked.push(query)
      return { actors: [], isWhole: true }
    },
    async effects(query: unknown) {
      asked.push(query)
      return []
    },
  })
  for (const path of ['/inspect/actors?kind=viewer&state=away', '/effects?actor=viewer/a%0Ab', '/inspect/actors'])
    expect([path, (await opened.ask(path)).status]).toEqual([path, 200])
  expect(asked).toMatchObject([{ kind: 'viewer', state: 'away' }, { actor: 'viewer/a\nb' }, { state: undefined }])
})
