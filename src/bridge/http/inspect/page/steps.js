import { stateName } from './edges.js'
import { clock, element } from './element.js'

/** The steps of an actor as a list, newest first, each with the state it led to; a pulse is one quiet line. */
export class Steps {
  #rows = new WeakMap()
  #list = element('ol', { class: 'steps', reversed: true })
  #note = element('p', { class: 'note' })
  #lost = element('p', { class: 'lost', role: 'status', hidden: true })
  #gone = 0
  #looked = null

  constructor(timeline, chosen, recall) {
    this.timeline = timeline
    this.chosen = chosen
    this.element = element('div', {}, this.#lost, this.#list, this.#note)
    this.recall = recall
  }

  /** Frames that this page, or the way to it, was too slow for; null: nobody knows how many. */
  lost(frames) {
    this.#gone = frames === null || this.#gone === null ? null : this.#gone + frames
    const said = this.#gone === null ? 'Some steps were lost' : `${this.#gone} steps were lost`
    const read = element('button', { type: 'button', onclick: () => this.recall() }, 'Read them from the log')
    this.#lost.replaceChildren(
      `${said} on the way here, since this page was too slow or away. The actor itself lost nothing. `,
      read,
    )
    this.#lost.hidden = false
  }

  /** Where the derived past begins, and why there; what was lost is still so where it tells nothing. */
  told({ since, reason, refused, steps }, isRecalled) {
    if (isRecalled) {
      this.#gone = 0
      this.#lost.hidden = true
    }
    if (refused) this.#note.textContent = `Earlier steps could not be read: ${refused}`
    else if (reason) this.#note.textContent = reason
    else this.#note.textContent = steps.length > 0 ? 'It begins here: these are all its steps.' : 'No step is kept.'
    this.#note.title = since?.at ? `since entry ${since.seq}, ${new Date(since.at).toISOString()}` : ''
  }

  show() {
    const { steps, place, before } = this.timeline
    const rows = steps.map((step, i) => this.#rowOf(step, i > 0 ? steps[i - 1].value : before?.value))
    if (before) rows.unshift(this.#first())
    const looked = place + (before ? 1 : 0)
    rows.forEach((row, i) => {
      row.firstChild.toggleAttribute('aria-current', i === looked)
    })
    const wanted = rows.reverse()
    // Rows that are there stay: one that has the focus keeps it.
    if (wanted.length !== this.#list.children.length || wanted.some((row, i) => this.#list.children[i] !== row)) {
      const focused = document.activeElement
      this.#list.replaceChildren(...wanted)
      if (wanted.some(row => row.contains(focused))) focused.focus()
    }
    if (this.#looked !== this.#list.querySelector('[aria-current]')) this.#reveal()
  }

  /** Scrolls the list, and never the page. */
  #reveal() {
    this.#looked = this.#list.querySelector('[aria-current]')
    if (!this.#looked) return
    const [list, row] = [this.#list.getBoundingClientRect(), this.#looked.getBoundingClientRect()]
    if (row.top < list.top) this.#list.scrollTop -= list.top - row.top
    else if (row.bottom > list.bottom) this.#list.scrollTop += row.bottom - list.bottom
  }

  #first() {
    const { before } = this.timeline
    if (!this.#rows.has(before)) {
      const said = [element('span', { class: 'event' }, 'before these steps'), led(undefined, before.value)]
      this.#rows.set(
        before,
        element('li', {}, element('button', { type: 'button', onclick: () => this.chosen(-1) }, said)),
      )
    }
    return this.#rows.get(before)
  }

  #rowOf(step, former) {
    if (!this.#rows.has(step)) this.#rows.set(step, this.#made(step, former))
    return this.#rows.get(step)
  }

  #made(step, former) {
    const { at, event, value, edge, pulse } = step
    const said = [
      element('time', { title: `${new Date(at).toISOString()}, ${at} ms` }, clock(at)),
      element('span', { class: 'event' }, event.type),
      pulse ? element('span', { class: 'led' }, `still ${stateName(value)}, heard again`) : led(former, value, edge),
    ]
    const onclick = () => this.chosen(this.timeline.steps.indexOf(step))
    return element('li', { class: pulse && 'pulse' }, element('button', { type: 'button', onclick }, said))
  }
}

function led(former, value, edge) {
  const name = stateName(value)
  if (edge === null) return element('span', { class: 'led' }, `changed nothing: ${name}`)
  if (former !== undefined && stateName(former) === name) return element('span', { class: 'led' }, `stays ${name}`)
  return element('span', { class: 'led moved' }, '→ ', element('strong', {}, name))
}
