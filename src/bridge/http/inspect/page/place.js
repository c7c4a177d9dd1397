/** The kind that is shown unless the address names one. */
const FIRST = 'streamer-session'

/** `#/<kind>?state=<state>` or `#/<kind>/<key>`; `nowhere`: why it leads to no place, in words. */
export function placeOf(hash, kinds) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?')
  const [kind, key] = path.split('/').map(decoded)
  const place = {
    kind: kinds.includes(kind) ? kind : FIRST,
    key,
    state: new URLSearchParams(query).get('state') ?? '',
  }
  if (key === null)
    return { ...place, nowhere: 'What stands behind # in the address is no key: a % in it stands for nothing.' }
  // So it does percent-encoded too.
  if (key === '.' || key === '..')
    return { ...place, nowhere: `No URL leads to an actor whose key is ${key}: in a path it means a folder.` }
  return place
}

/** Null: it is no text. */
function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
