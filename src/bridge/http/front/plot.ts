import type { Statistics } from '../../../audience/statistics.ts'
import { WINDOW_MS, WINDOWS } from './figures.ts'

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 200, 64, 24, 20, 26]
const STEP = (WIDTH - LEFT - RIGHT) / WINDOWS
const FLOOR = HEIGHT - BOTTOM
/** A label of time stands below every so many windows. */
const LABELLED = 6

/** `18:05`, as of UTC: nobody knows here what time it is for who looks. */
const clock = (at: number): string => new Date(at).toISOString().slice(11, 16)

/** The next number that is easy to read: 1, 2, 5, 10, 20 … */
function round(most: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, most)))
  return [1, 2, 5, 10].map(times => times * unit).find(each => each >= most)!
}

/** The viewers of each five minutes, as bars; the last ones are still being counted. */
export function plot(records: readonly Statistics[], now: number): string {
  const last = Math.floor(now / WINDOW_MS) * WINDOW_MS
  const counts = new Map(records.map(({ timestamp, viewerCount }) => [timestamp, viewerCount]))
  const windows = Array.from({ length: WINDOWS }, (_, i) => last - (WINDOWS - 1 - i) * WINDOW_MS)
  const top = round(Math.max(1, ...counts.values()))
  const bars = windows.map((at, i) => {
    const count = counts.get(at) ?? 0
    const height = ((FLOOR - TOP) * count) / top
    const [x, y] = [LEFT + i * STEP + 2, FLOOR - height]
    const title = `<title>${clock(at)} UTC: ${count.toLocaleString('en')} viewers</title>`
    return `<rect class="bar" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(STEP - 4).toFixed(1)}" height="${height.toFixed(1)}">${title}</rect>`
  })
  const times = windows.flatMap((at, i) =>
    i % LABELLED === LABELLED - 1
      ? `<text x="${(LEFT + (i + 0.5) * STEP).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${clock(at)}</text>`
      : [],
  )
  const lines = [0, 0.5, 1].map(part => {
    const y = (FLOOR - (FLOOR - TOP) * part).toFixed(1)
    const label = top * part
    const text = Number.isInteger(label)
      ? `<text x="${LEFT - 8}" y="${Number(y) + 4}" text-anchor="end">${label.toLocaleString('en')}</text>`
      : ''
    return `<line class="rule" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>${text}`
  })
  const most = Math.max(0, ...counts.values()).toLocaleString('en')
  const label = `Viewers of each five minutes, from ${clock(windows[0]!)} to ${clock(last)} UTC; at most ${most}`
  return `<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${lines.join('')}${bars.join('')}${times.join('')}</svg>`
}
