import { ActorView } from './actor.js'
import { asksToken, Refusal, token } from './ask.js'
import { element } from './element.js'
import { KindView } from './kind.js'
import { placeOf } from './place.js'

/** The page: the kinds, and below them one kind or one actor, as the address behind `#` says. */
const kinds = [...document.querySelectorAll('#kinds a')]
const main = document.querySelector('#main')
const troubleShown = document.querySelector('#trouble')
const forget = document.querySelector('#forget')
let leaving = new AbortController()

/** Where the address leads. */
const place = () =>
  placeOf(
    location.hash,
    kinds.map(link => link.dataset.kind),
  )

function show() {
  leaving.abort()
  leaving = new AbortController()
  const { signal } = leaving
  const { kind, key, state, nowhere } = place()
  forget.hidden = !token.get()
  for (const link of kinds) {
    if (link.dataset.kind === kind) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  document.title = `${key || kind} · Rollcall inspector`
  const told = error => {
    if (!signal.aborted) trouble(error)
  }
  trouble(null)
  if (nowhere) return main.replaceChildren(element('p', { class: 'note', role: 'alert' }, nowhere))
  const view = key ? new ActorView(kind, key, signal, told) : new KindView(kind, state, signal, told)
  main.replaceChildren(view.element)
}

function trouble(error) {
  if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return askToken(error.status)
  if (error && !(error instanceof Refusal)) console.error(error)
  const text = error ? `${error.message} Trying again…` : ''
  if (troubleShown.textContent !== text) troubleShown.textContent = text
  troubleShown.hidden = text === ''
}

/** The shell holds no data: with authentication it is empty until an operator's token is given. */
function askToken(status) {
  leaving.abort()
  trouble(null)
  forget.hidden = true
  const had = token.get() !== null
  const words = {
    401: had ? 'That token is not valid, or no longer.' : 'This server asks for a token.',
    403: 'That token is valid, but no operator’s.',
  }
  const field = element('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'off',
    required: true,
    'aria-describedby': 'asked',
  })
  const onsubmit = event => {
    event.preventDefault()
    token.keep(field.value.trim())
    show()
  }
  main.replaceChildren(
    element(
      'form',
      { class: 'token panel', onsubmit },
      element('h2', {}, 'An operator’s token'),
      element('p', { id: 'asked', role: 'alert' }, words[status]),
      element('label', { for: 'token' }, 'Token'),
      field,
      element('button', {}, 'Look'),
      element(
        'p',
        { class: 'note' },
        'It stays in this tab (sessionStorage), is sent to this server alone, and is gone when the tab is closed.',
      ),
    ),
  )
  field.focus()
}

document.querySelector('#find').addEventListener('submit', event => {
  event.preventDefault()
  const key = new FormData(event.target).get('key').trim()
  if (key) location.hash = `#/${place().kind}/${encodeURIComponent(key)}`
})
document.querySelector('.skip').addEventListener('click', event => {
  // The text behind `#` is the place that is shown.
  event.preventDefault()
  main.focus()
})
forget.addEventListener('click', () => {
  token.forget()
  askToken(401)
})
addEventListener('hashchange', () => {
  // Without a token there is nothing to go to.
  if (main.querySelector('#token')) return
  show()
  main.focus()
})
if (token.get() === null && (await asksToken())) askToken(401)
else show()
