/** The first page: asks for its figures each second, with a token where one is needed. */
import { askText, Refusal, token } from '../inspect/page/ask.js'

const EVERY_MS = 1_000
const PATIENCE_MS = 2_000

const form = document.querySelector('#token')
const fault = document.querySelector('#fault')
/** Which page of the sessions is shown. */
const query = location.search

/** Says what is wrong, if anything is; then what is shown is of before. */
function say(text) {
  if (fault.textContent !== text) fault.textContent = text
  fault.hidden = text === ''
  document.querySelector('#figures').classList.toggle('stale', text !== '')
}

/** Puts each part that changed in the place of its former self; focus and what was scrolled stay. */
function show(html) {
  const next = new DOMParser().parseFromString(html, 'text/html').querySelector('#figures')
  const now = document.querySelector('#figures')
  if (!next) return
  const ids = [...next.children].map(part => part.id).join()
  if (ids !== [...now.children].map(part => part.id).join()) return keeping(now, () => now.replaceWith(next))
  for (const part of [...next.children]) {
    const former = document.getElementById(part.id)
    if (former.outerHTML !== part.outerHTML) keeping(former, () => former.replaceWith(part))
  }
}

function keeping(part, change) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : ''
  const scrolled = [...part.querySelectorAll('.wide')].map(({ id, scrollLeft }) => [id, scrollLeft])
  change()
  for (const [id, left] of scrolled) document.getElementById(id)?.scrollTo({ left })
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true })
}

/** Asks for a token, and shows nothing that was seen by another one. */
function ask(text) {
  say(text)
  show('<div id="figures"></div>')
  form.hidden = false
}

async function look() {
  const had = token.get() !== null
  try {
    show(await askText(`../figures${query}`, AbortSignal.timeout(PATIENCE_MS)))
    form.hidden = true
    say('')
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 0) return say('No answer: this is what was last seen.')
    if (error.status !== 401 && error.status !== 403) return say(`${error.status}: ${error.message}`)
    ask(had ? error.message : '')
    if (error.status === 401) token.forget()
  }
}

async function lookAgain() {
  const isAsking = !form.hidden && token.get() === null
  if (!document.hidden && !isAsking) await look()
  setTimeout(lookAgain, EVERY_MS)
}

form.addEventListener('submit', event => {
  event.preventDefault()
  token.keep(document.querySelector('#bearer').value.trim())
  void look()
})

lookAgain()
