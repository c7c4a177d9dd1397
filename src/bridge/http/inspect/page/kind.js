import { ask, pause } from './ask.js'
import { Chart } from './chart.js'
import { stateName } from './edges.js'
import { clock, element, plural } from './element.js'
import { sendOne } from './first-event.js'

const AGAIN_MS = 1_000
/** A list reads what is kept, of every partition: it is asked for less often than the counts. */
const LIST_MS = 5_000
const LISTED = 50
/** As many the server lists at once. */
const MOST = 1_000

/** A kind of actor as a population: how many are in each state, which edges they take, and who they are. */
export class KindView {
  #state
  #chart
  #kind
  #signal
  #trouble
  #population = null
  #found = { text: null, actors: [], isWhole: true }
  #more = 1
  #looked = Number.NEGATIVE_INFINITY
  #sum = element('p', { class: 'why', 'aria-live': 'polite' })
  #title = element('h3', { tabindex: '-1' })
  #list = element('ul', { class: 'actors' })
  #foot = element('div')
  #query = element('input', { type: 'search', id: 'begins', autocomplete: 'off', spellcheck: 'false' })
  #choice = element('select', { id: 'in' })

  constructor(kind, state, signal, trouble) {
    this.#kind = kind
    this.#state = state
    this.#signal = signal
    this.#trouble = trouble
    this.#chart = new Chart(name => this.#choose(name))
    this.#query.addEventListener('input', () => this.#ask())
    this.#choice.addEventListener('change', () => this.#choose(this.#choice.value))
    this.element = element(
      'div',
      { class: 'kind columns' },
      element('div', { class: 'left' }, element('h2', {}, `All of the kind ${kind}`), this.#sum, this.#chart.element),
      element(
        'section',
        { class: 'right panel', tabindex: '-1', 'aria-label': 'Actors' },
        this.#title,
        element(
          'form',
          { class: 'filter', onsubmit: event => event.preventDefault() },
          ...[element('label', { for: 'in' }, 'in state '), this.#choice],
          ...[element('label', { for: 'begins' }, ' whose key begins with '), this.#query],
        ),
        this.#list,
        this.#foot,
      ),
    )
    void this.#chart.load(kind, signal, trouble).then(() => this.#show())
    void this.#keep()
    this.#show()
  }

  #choose(state) {
    this.#state = state === this.#state ? '' : state
    const query = this.#state ? `?state=${encodeURIComponent(this.#state)}` : ''
    history.replaceState(null, '', `#/${encodeURIComponent(this.#kind)}${query}`)
    this.#ask()
  }

  #ask() {
    this.#more = 1
    this.#show()
    void this.#look()
  }

  async #keep() {
    while (!this.#signal.aborted) {
      if (document.visibilityState === 'visible') {
        const isDue = performance.now() - this.#looked >= LIST_MS
        await Promise.all([this.#count(), isDue && this.#look()])
      }
      await pause(AGAIN_MS, this.#signal)
    }
  }

  async #count() {
    try {
      this.#population = await ask(`population/${encodeURIComponent(this.#kind)}`, this.#signal)
      this.#trouble(null)
      this.#show()
    } catch (error) {
      if (!this.#signal.aborted) this.#trouble(error)
    }
  }

  async #look() {
    this.#looked = performance.now()
    const text = this.#asked()
    try {
      const found = await ask(`actors?${text}`, this.#signal)
      // An answer to what was asked before comes too late.
      if (text !== this.#asked()) return
      this.#found = { text, ...found }
      this.#show()
    } catch (error) {
      if (!this.#signal.aborted) this.#trouble(error)
    }
  }

  #asked() {
    const asked = new URLSearchParams({ kind: this.#kind, limit: String(LISTED * this.#more) })
    if (this.#state) asked.set('state', this.#state)
    if (this.#query.value) asked.set('q', this.#query.value)
    return asked.toString()
  }

  #show() {
    const { actors, next, isWhole } = this.#found
    if (this.#population) this.#showCounts(this.#population)
    const recent = this.#state || this.#query.value ? '' : ', the most recent first'
    this.#title.textContent = `${this.#state ? `In ${this.#state}` : 'Actors'}${recent}`
    const keys = actors.map(({ key, value }) => `${stateName(value)} ${key}`).join('\n')
    if (this.#list.dataset.keys !== keys) this.#rows(actors, keys)
    this.#foot.replaceChildren(...this.#footing(actors, next, isWhole))
  }

  #rows(actors, keys) {
    const focused = document.activeElement?.getAttribute('href')
    this.#list.dataset.keys = keys
    this.#list.replaceChildren(
      ...actors.map(({ kind, key, value }) => {
        const href = `#/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`
        return element('li', {}, element('a', { href }, key), element('span', { class: 'led' }, stateName(value)))
      }),
    )
    for (const link of this.#list.querySelectorAll('a')) if (link.getAttribute('href') === focused) link.focus()
  }

  #footing(actors, next, isWhole) {
    if (actors.length === 0) return this.#nobody()
    const isMore =
      actors.length === LISTED * this.#more && (next !== undefined || !isWhole) && this.#more < MOST / LISTED
    const more = () => {
      this.#more++
      void this.#look()
    }
    return [
      ...(isMore ? [element('button', { type: 'button', onclick: more }, `Show ${LISTED} more`)] : []),
      ...(isWhole || isMore
        ? []
        : [element('p', { class: 'note' }, 'There may be more: choose a state, or the beginning of a key.')]),
    ]
  }

  /** Advice where there is nothing to see. */
  #nobody() {
    const total = Object.values(this.#population?.states ?? {}).reduce((sum, n) => sum + n, 0)
    if (!this.#population || this.#found.text === null) return [element('p', {}, 'Looking…')]
    if (this.#query.value) return [element('p', {}, 'No key begins so.')]
    if (this.#state) return [element('p', {}, `Nobody is in ${this.#state} just now.`)]
    if (total > 0) return [element('p', {}, 'Choose a state, or the beginning of a key.')]
    return [element('p', {}, 'No actor yet. Send one:'), sendOne(this.#kind)]
  }

  #showCounts(population) {
    this.#chart.population(population, this.#state)
    const names = Object.keys(population.states)
    const total = names.reduce((sum, name) => sum + population.states[name], 0)
    const taken = Object.values(population.edges).reduce((sum, n) => sum + n, 0)
    const since = population.since > Date.now() - 60_000 ? `since ${clock(population.since)}` : 'in the last minute'
    const text = `${plural(total, 'actor')}. ${taken === 0 ? 'No edge was taken' : `Edges were taken ${plural(taken, 'time')}`} ${since}.`
    if (this.#sum.textContent !== text) this.#sum.textContent = text
    const options = ['', ...names.sort()]
    if (this.#choice.dataset.names !== options.join()) {
      this.#choice.dataset.names = options.join()
      this.#choice.replaceChildren(...options.map(name => element('option', { value: name }, name || 'any')))
    }
    this.#choice.value = this.#state
  }
}
