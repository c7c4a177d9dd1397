/** An evening as a web server would have logged it: the visits of web users in the Combined Log Format. */
import type { EveningOptions } from './evening.ts'
import { random } from './random.ts'

interface LoggedRequest {
  ts: number
  line: string
}

/** Room for the pauses, longer than any web session, after which visitors come back. */
const SHORTEST_LOG_MS = 4 * 3_600_000
const MINUTE_MS = 60_000
const BACK_AFTER_MINUTES = [35, 90] as const

const REFERRERS = [
  'https://www.google.com/',
  'https://www.bing.com/search?q=live+music',
  'https://t.co/rollcall',
  'https://news.example.org/tonight?from=front',
] as const
const CAMPAIGNS = ['/?utm_source=newsletter&utm_medium=email&utm_campaign=evening', '/?gclid=Cj0KCQ'] as const
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
] as const
const SITE = 'https://live.example.com'

/** The lines in time order, without line ends. They reach back four hours, or the evening's minutes if these are more. */
export function eveningLog(options: EveningOptions): string[] {
  const streams = streamPages(options)
  const requests: LoggedRequest[] = []
  for (let n = 1; n <= options.viewers; n += 1) requests.push(...requestsOf(n, streams, options))
  return requests.toSorted((a, b) => a.ts - b.ts).map(({ line }) => line)
}

const streamPages = ({ streamers, seed }: EveningOptions): string[] => {
  const chance = random(seed, -1)
  return Array.from({ length: streamers }, () => `/sessions/${chance.hex(24)}`)
}

/** A visitor's evening: pages some seconds to minutes apart, then perhaps a long pause and another visit. */
function requestsOf(n: number, streams: string[], { minutes, seed, end }: EveningOptions): LoggedRequest[] {
  const chance = random(seed, n)
  const who = {
    visitor: `v${chance.hex(12)}`,
    user: chance.chance(0.15) ? `user-${n}` : '-',
    agent: chance.pick(AGENTS),
  }
  const start = end - Math.max(SHORTEST_LOG_MS, minutes * MINUTE_MS)
  const requests: LoggedRequest[] = []
  let ts = start + chance.between(0, Math.floor((end - start) * 0.6))
  while (ts <= end) {
    let referrer = chance.chance(0.5) ? chance.pick(REFERRERS) : '-'
    let page = chance.chance(0.1) ? chance.pick(CAMPAIGNS) : '/'
    for (let left = chance.between(1, 12); left > 0 && ts <= end; left -= 1) {
      requests.push({ ts, line: line({ ...who, ts, page, referrer, size: chance.between(200, 40_000) }) })
      referrer = `${SITE}${page}`
      page =
        chance.chance(0.6) && streams.length > 0 ? chance.pick(streams) : chance.pick(['/', '/feed', '/feed?page=2'])
      ts += chance.between(0, chance.chance(0.8) ? 120_000 : 600_000)
    }
    if (chance.chance(0.5)) break
    ts += chance.between(BACK_AFTER_MINUTES[0] * MINUTE_MS, BACK_AFTER_MINUTES[1] * MINUTE_MS)
  }
  return requests
}

interface LogFields {
  visitor: string
  user: string
  ts: number
  page: string
  referrer: string
  size: number
  agent: string
}

const line = ({ visitor, user, ts, page, referrer, size, agent }: LogFields): string =>
  `${visitor} - ${user} [${logTime(ts)}] "GET ${page} HTTP/1.1" 200 ${size} "${referrer}" "${agent}"`

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function logTime(ts: number): string {
  const [date, time] = new Date(ts).toISOString().split('T') as [string, string]
  const [year, month, day] = date.split('-') as [string, string, string]
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`
}
