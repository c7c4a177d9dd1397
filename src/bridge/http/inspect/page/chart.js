import { askText, pause } from './ask.js'
import { count, element, plural } from './element.js'

const AGAIN_MS = 2_000
const SMALLEST = 0.8

/** The drawing of a kind, on which states and edges are lit or counted, with what the machine says of each. */
export class Chart {
  #svg = null
  #said = element('p', { class: 'said' })
  #frame = element('div', { class: 'chart-frame', tabindex: '0', role: 'region', 'aria-label': 'State chart' })
  #usual = ''
  /** the state in sight */
  #seen = ''

  /** `picked`: a state was chosen; without it states are no buttons. */
  constructor(picked) {
    const past = () => this.element.closest('.columns').querySelector('.right').focus()
    const skip = element('button', { class: 'skip', type: 'button', onclick: past }, 'Skip the chart')
    this.element = element('div', { class: 'chart-panel' }, skip, this.#frame, this.#said)
    this.#say('')
    const over = ({ target }) => {
      const of = target.closest('[data-state], [data-edge]')
      this.#say(of && [of.getAttribute('aria-label'), of.dataset.counted].filter(Boolean).join(' · '))
    }
    this.#frame.addEventListener('pointerover', over)
    this.#frame.addEventListener('focusin', over)
    this.#frame.addEventListener('pointerleave', () => this.#say(''))
    this.#frame.addEventListener('focusout', () => this.#say(''))
    new ResizeObserver(() => this.#reveal()).observe(this.#frame)
    if (!picked) return
    const pick = ({ target }) => {
      // A row in a state's box is no part of the state's drawing.
      const [row] = target.closest('.stays')?.dataset.edge.split('|') ?? []
      const state = row ?? target.closest('[data-state]')?.dataset.state
      if (state) picked(state)
    }
    this.#frame.addEventListener('click', pick)
    this.#frame.addEventListener('keydown', event => {
      if (event.key !== 'Enter' && event.key !== ' ') return
      pick(event)
      event.preventDefault()
    })
    this.#usual =
      'Choose a state to list who is in it. Point at a state or an edge, or go there by Tab, to read what it means.'
    this.#say('')
  }

  /** Tries until it is there, and tells of each trouble. */
  async load(kind, signal, trouble) {
    this.#frame.textContent = 'The chart is being drawn…'
    while (!signal.aborted) {
      try {
        this.#draw(await askText(`charts/${encodeURIComponent(kind)}`, signal))
        return
      } catch (error) {
        if (signal.aborted) return
        trouble(error)
        if (error.status === 401 || error.status === 403) return
        await pause(AGAIN_MS, signal)
      }
    }
  }

  #draw(text) {
    const { documentElement: drawn } = new DOMParser().parseFromString(text, 'image/svg+xml')
    this.#svg = document.importNode(drawn, true)
    // Smaller nobody reads it: it is scrolled instead.
    this.#svg.style.minWidth = `${this.#svg.viewBox.baseVal.width * SMALLEST}px`
    this.#frame.replaceChildren(this.#svg)
    if (this.#usual === '') return
    for (const state of this.#all('state')) state.setAttribute('role', 'button')
  }

  /** The machine's own words about a state or an edge; empty if it has none. */
  meaning(data, name) {
    return this.#find(data, name)?.querySelector('title')?.textContent ?? ''
  }

  /** Lights where an actor is, and the edges that it took last; `when` says it in a word beside the colour. */
  light(state, edges, when) {
    if (!this.#svg) return
    this.#svg.classList.toggle('imagined', when === 'if')
    const active = state
      .split(',')
      .flatMap(name => name.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.')))
    for (const each of this.#all('state')) {
      const isActive = active.includes(each.dataset.state)
      each.classList.toggle('active', isActive)
      this.#count(each, isActive ? `● ${when}` : '')
    }
    for (const each of this.#all('edge')) {
      const isLast = edges.includes(each.dataset.edge)
      each.classList.toggle('last', isLast)
      this.#count(each, isLast ? '● last' : '')
    }
    this.#look(active.at(-1) ?? '')
  }

  /** How many are in each state, and how often each edge was taken in a minute. */
  population({ states, edges }, chosen) {
    if (!this.#svg) return
    for (const each of this.#all('state')) {
      const n = states[each.dataset.state] ?? 0
      each.classList.toggle('active', each.dataset.state === chosen)
      each.classList.toggle('nobody', n === 0)
      each.dataset.counted = plural(n, 'actor')
      this.#count(each, n < 100_000 ? count(n) : short(n))
    }
    for (const each of this.#all('edge')) {
      const n = edges[each.dataset.edge] ?? 0
      each.classList.toggle('last', n > 0)
      each.dataset.counted = `taken ${plural(n, 'time')} in the last minute`
      this.#count(each, n > 0 ? `${n < 1_000 ? n : short(n)}/min` : '')
    }
    this.#look(chosen)
  }

  #all(data) {
    return this.#svg?.querySelectorAll(`[data-${data}]`) ?? []
  }

  #find(data, name) {
    return [...this.#all(data)].find(each => each.dataset[data] === name)
  }

  #count(of, text) {
    const counted = of.querySelector('.count')
    if (counted && counted.textContent !== text) counted.textContent = text
  }

  #say(text) {
    this.#said.textContent =
      text || this.#usual || 'Point at a state or an edge, or go there by Tab, to read what it means.'
  }

  /** Brings the state into sight when it is another one: whoever scrolls elsewhere meanwhile stays there. */
  #look(name) {
    if (name === this.#seen) return
    this.#seen = name
    this.#reveal()
  }

  /** Scrolls the frame, and never the page. */
  #reveal() {
    const state = this.#find('state', this.#seen)
    if (!state) return
    const [frame, box] = [this.#frame.getBoundingClientRect(), state.getBoundingClientRect()]
    const isSeen =
      box.top >= frame.top && box.bottom <= frame.bottom && box.left >= frame.left && box.right <= frame.right
    if (isSeen) return
    this.#frame.scrollBy(
      box.left - frame.left - (frame.width - box.width) / 2,
      box.top - frame.top - (frame.height - box.height) / 2,
    )
  }
}

/** In no more room than the chart has: what it is counted from is said where it is pointed at. */
const short = n => new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 0 }).format(n)
