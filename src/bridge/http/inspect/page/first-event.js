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

export const sendOne = (kind, key) => element('pre', {}, element('code', {}, curlOf(kind, key)))
