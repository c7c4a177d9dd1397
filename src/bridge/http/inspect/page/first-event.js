import { token } from './ask.js'
import { element } from './element.js'

/** Requests that make an actor of a kind. */
const SAMPLES = {
  'streamer-session': key => ['sessions', { userId: key ?? 'sam', title: 'Tonight' }],
  viewer: key => ['heartbeats', { userId: key ?? 'ann', path: '/live/sam' }],
  visitor: key => ['events', { sessionId: key ?? 'v1', ts: Date.now(), page: '/' }],
  feed: () => ['sessions', { userId: 'sam', title: 'Tonight' }],
}

function curlOf(kind, key) {
  const [path, body] = SAMPLES[kind](key)
  const url = new URL(`../../${path}`, import.meta.url).href
  const authorization = token.get() ? ' \\\n  -H "authorization: Bearer $TOKEN"' : ''
  const text = JSON.stringify(body).replaceAll("'", "'\\''")
  return `curl ${url}${authorization} \\\n  -H 'content-type: application/json' \\\n  -d '${text}'`
}

/** A line for a terminal that makes such an actor; of other kinds the page of the documentation with all requests. */
export const sendOne = (kind, key) =>
  Object.hasOwn(SAMPLES, kind)
    ? element('pre', {}, element('code', {}, curlOf(kind, key)))
    : element('a', { href: new URL('../../docs/http.md', import.meta.url).href }, 'docs/http.md')
