/** Long work as a person sees it: a bar on stderr, for one work until that ends. */
import { workInWords } from '../../bridge/http/front/words.ts'
import { json, plain } from '../../observe/plain.ts'
import { foremost, type Shown, shareOf, tellWork, WORK_NAMES, type Work, type WorkName } from '../../observe/work.ts'
import { systemTime } from '../../time.ts'
import { aboveFoot, complain, foot } from './print.ts'

const [BAR_MS, LINE_MS] = [200, 5_000]
const WIDTH = 20

/** `[█████░░░░░░░░░░░░░░░] 25 %` */
export const bar = (share: number): string =>
  `[${'█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')}] ${Math.floor(share * 100)} %`

export function workLine(work: Work, at: number): string {
  const share = shareOf(work)
  const part = share === null ? '' : `${bar(share)}  `
  return `${WORK_NAMES[work.name] ?? plain(work.name)}  ${part}${workInWords(work, at).join('')}`
}

const toStderr = ({ name, ...far }: Work): void => complain(json({ work: name, ...far }))

/** How long work is shown: as a bar on a terminal, with the log above it, elsewhere as JSON lines, by default on stderr. */
export function shownWork(line: (work: Work) => void = toStderr, everyMs = LINE_MS): Shown {
  if (!process.stderr.isTTY) return { tell: all => all.forEach(line), everyMs }
  const stand = foot()
  let shown: WorkName | undefined
  const tell = (all: readonly Work[]): void => {
    const work = foremost(all, shown)
    shown = work?.name
    stand(work ? workLine(work, Date.now()) : '')
  }
  return { tell, everyMs: BAR_MS, ...(process.stdout.isTTY && { log: aboveFoot() }) }
}

/** Shows long work as it goes on. Returns what ends it. */
export function showWork(look: () => Work[], line?: (work: Work) => void, everyMs?: number): () => void {
  const shown = shownWork(line, everyMs)
  const cancel = tellWork(look, shown.tell, shown.everyMs, systemTime)
  return () => {
    cancel()
    shown.tell([])
  }
}
