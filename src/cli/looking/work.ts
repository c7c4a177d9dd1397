/** Long work as a person sees it: a bar on stderr for what is furthest from its end. */
import { SingleBar } from 'cli-progress'
import { leftOf, shareOf, tellWork, WORK_NAMES, type Work } from '../../observe/work.ts'
import { systemTime } from '../../time.ts'

const [BAR_MS, LINE_MS] = [200, 5_000]

/** Shows what it is given, each time anew, and nothing when there is none. */
export function workBar(): (all: readonly Work[]) => void {
  let bar: SingleBar | undefined
  let shown: string | undefined
  return all => {
    const [work] = all.toSorted((one, other) => (shareOf(one) ?? 1) - (shareOf(other) ?? 1))
    const kind = work && `${work.name} ${work.total === null}`
    if (kind !== shown) {
      bar?.stop()
      bar = work && begun(work)
      shown = kind
    }
    if (!bar || !work) return
    if (work.total !== null) bar.setTotal(work.total)
    const { name, unit, done, total } = work
    const count = `${done.toLocaleString('en')}${total === null ? '' : ` of ${total.toLocaleString('en')}`} ${unit}`
    const left = leftOf(work, Date.now())
    const more = left === null ? '' : `about ${Math.ceil(left / 1_000)} s more`
    bar.update(done, { work: WORK_NAMES[name], count, more })
  }
}

function begun({ done, total }: Work): SingleBar {
  const bar = new SingleBar({
    format: `{work}  ${total === null ? '' : '[{bar}] {percentage}%  '}{count}  {more}`,
    stream: process.stderr,
    // Left to itself it would swallow the first Ctrl-C.
    gracefulExit: false,
    clearOnComplete: true,
    emptyOnZero: true,
  })
  bar.start(total ?? 0, done, { work: '', count: '', more: '' })
  return bar
}

const toStderr = ({ name, ...far }: Work): void => console.error(JSON.stringify({ work: name, ...far }))

/** Shows long work as it goes on: a bar on a terminal, elsewhere JSON lines, by default on stderr. Returns what ends it. */
export function showWork(look: () => Work[], line: (work: Work) => void = toStderr, everyMs = LINE_MS): () => void {
  if (!process.stderr.isTTY) return tellWork(look, all => all.forEach(line), everyMs, systemTime)
  const show = workBar()
  const cancel = tellWork(look, show, BAR_MS, systemTime)
  return () => {
    cancel()
    show([])
  }
}
