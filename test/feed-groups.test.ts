import { describe, expect, test } from 'vitest'
import { type FeedGroup, feedKeys, feedKeysOf, feedOf, parseGroups } from '../src/feeds/groups.ts'

const GLOBAL: FeedGroup = { name: 'global', countries: [] }
const ASIA: FeedGroup = { name: 'asia', countries: ['tw', 'jp'] }
const GROUPS = [GLOBAL, ASIA]
const EXCLUDED = ['hidden:all', 'test']

describe('the keys of feeds', () => {
  test.each([
    ['no country is known', [], ['global', 'global-filtered']],
    ['no group has the country', ['us'], ['global', 'global-filtered']],
    ['a group has the country', ['tw'], ['global', 'global-filtered', 'asia', 'asia-filtered']],
    ['a group has one of the countries', ['us', 'jp'], ['global', 'global-filtered', 'asia', 'asia-filtered']],
    ['the country is in capitals', ['TW'], ['global', 'global-filtered', 'asia', 'asia-filtered']],
  ])('are those a streamer may show in, where %s', (_what, countries, keys) => {
    expect(feedKeysOf(GROUPS, countries)).toEqual(keys)
  })

  test('are none without groups', () => {
    expect(feedKeysOf([], ['tw'])).toEqual([])
  })
})

describe('the feed of a key', () => {
  test('shows all but the excluded where the group has no countries', () => {
    expect(feedOf(GROUPS, 'global', EXCLUDED)).toEqual({
      ...{ key: 'global', aliases: ['user_livestream-global', 'user_livestream_most_recent-global'] },
      ...{ include: [], exclude: EXCLUDED },
    })
  })

  test('leaves out who hides from the group, if filtered, and shows who is from one of its countries', () => {
    expect(feedOf(GROUPS, 'asia-filtered', ['x'])).toEqual({
      key: 'asia-filtered',
      aliases: ['user_livestream-asia-filtered', 'user_livestream_most_recent-asia-filtered'],
      include: ['country:tw', 'country:jp'],
      exclude: ['x', 'hidden:region-group:asia'],
    })
  })

  test.each([
    'europe',
    '',
    'asia-',
    '-filtered',
    'asia-filtered-filtered',
    'user_livestream-asia',
  ])('is null for a key that no group has: %j', key => {
    expect(feedOf(GROUPS, key, [])).toBeNull()
  })

  test('is there for all keys that there are', () => {
    const keys = feedKeysOf(GROUPS, ['tw'])
    expect(feedKeys(GROUPS)).toEqual(keys)
    expect(keys.map(key => feedOf(GROUPS, key, [])?.key)).toEqual(keys)
  })
})

describe('groups', () => {
  test('are read in their order, with their countries', () => {
    expect(parseGroups('global;asia=tw,hk;group_2=us')).toEqual([
      { name: 'global', countries: [] },
      { name: 'asia', countries: ['tw', 'hk'] },
      { name: 'group_2', countries: ['us'] },
    ])
  })

  test.each([
    ['nothing', ''],
    ['an empty part', 'global;'],
    ['a name twice', 'asia=tw;asia'],
    ['no name', '=tw'],
    ['a name in capitals', 'Asia=tw'],
    ['a name with a dash', 'asia-filtered'],
    ['a space', 'global; asia'],
    ['an empty list', 'asia='],
    ['an empty country', 'asia=tw,,hk'],
    ['a country of three letters', 'asia=twn'],
    ['a later country of three letters', 'asia=tw,hkg'],
    ['a country in capitals', 'asia=TW'],
    ['two lists', 'asia=tw=hk'],
    ['a line break at the end', 'asia=tw\n'],
  ])('are null if there is %s', (_what, text) => {
    expect(parseGroups(text)).toBeNull()
  })
})
