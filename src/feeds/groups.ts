/** Groups of regions: which feeds there are, and whom each of them shows. */

export interface FeedGroup {
  name: string
  /** two letters each, lower case; none: every streamer, wherever from */
  countries: readonly string[]
}

/** A feed as its group makes it; how many it shows, and who is trending, is said when it is generated. */
export interface Feed {
  alias: string
  include: readonly string[]
  exclude: readonly string[]
}

const FILTERED = '-filtered'
const KINDS = ['user_livestream', 'user_livestream_most_recent']
const GROUP = /^(?<name>[a-z0-9_]+)(=(?<countries>[a-z]{2}(,[a-z]{2})*))?$/

const keysOf = ({ name }: FeedGroup): string[] => [name, `${name}${FILTERED}`]

/** The keys of the feeds in which a streamer of these countries may show. */
export const feedKeysOf = (groups: readonly FeedGroup[], countries: readonly string[]): string[] => {
  const own = new Set(countries.map(country => country.toLowerCase()))
  return groups
    .filter(group => group.countries.length === 0 || group.countries.some(country => own.has(country)))
    .flatMap(keysOf)
}

/** The feeds that one generation under this key serves; `excluded`: tags whose streamers no feed shows. */
export const feedsOf = (groups: readonly FeedGroup[], key: string, excluded: readonly string[]): Feed[] | null => {
  const group = groups.find(group => keysOf(group).includes(key))
  if (group === undefined) return null
  const include = group.countries.map(country => `country:${country}`)
  const exclude = key.endsWith(FILTERED) ? [...excluded, `hidden:region-group:${group.name}`] : excluded
  return KINDS.map(kind => ({ alias: `${kind}-${key}`, include, exclude }))
}

export const aliasesOf = (groups: readonly FeedGroup[]): string[] =>
  groups.flatMap(keysOf).flatMap(key => KINDS.map(kind => `${kind}-${key}`))

/** Reads `global;asia=tw,hk`; null: not in that form, or a name is there twice. */
export const parseGroups = (text: string): FeedGroup[] | null => {
  const groups = text.split(';').flatMap((part): FeedGroup[] => {
    const { name, countries } = GROUP.exec(part)?.groups ?? {}
    return name === undefined ? [] : [{ name, countries: countries?.split(',') ?? [] }]
  })
  const isWhole = groups.length === text.split(';').length
  return isWhole && new Set(groups.map(({ name }) => name)).size === groups.length ? groups : null
}
