/** The first page: asks for its figures each second, with a token where one is needed. */
const KEPT = 'rollcall-token'
const EVERY_MS = 1_000
const PATIENCE_MS = 2_000

const form = document.querySelector('#token')
const fault = document.querySelector('#fault')

/** Says what is wrong, if anything is; then what is shown is of before. */
function say(text) {
  if (fault.textContent !== text) fault.textContent = text
  fault.hidden = text === ''
  document.querySelector('#figures').classList.toggle('stale', text !== '')
}

function show(html) {
  const next = new DOMParser().parseFromString(html, 'text/html').querySelector('#figures')
  const now = document.querySelector('#figures')
  if (next && next.innerHTML !== now.innerHTML) now.replaceWith(next)
}

/** Asks for a token, and shows nothing that was seen by another one. */
function ask(text) {
  say(text)
  show('<div id="figures"></div>')
  form.hidden = false
}

async function look() {
  const token = sessionStorage.getItem(KEPT)
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const answer = await fetch('figures', { headers, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })
  if (answer.status === 401 || answer.status === 403) {
    const { message } = await answer.json()
    ask(token ? message : '')
    return answer.status === 401 ? sessionStorage.removeItem(KEPT) : undefined
  }
  if (!answer.ok) return say(`${answer.status}: ${(await answer.json()).message}`)
  show(await answer.text())
  form.hidden = true
  say('')
}

async function lookAgain() {
  const isAsking = !form.hidden && sessionStorage.getItem(KEPT) === null
  if (!document.hidden && !isAsking) await look().catch(() => say('No answer: this is what was last seen.'))
  setTimeout(lookAgain, EVERY_MS)
}

form.addEventListener('submit', event => {
  event.preventDefault()
  sessionStorage.setItem(KEPT, document.querySelector('#bearer').value.trim())
  look().catch(() => say('No answer.'))
})

lookAgain()
