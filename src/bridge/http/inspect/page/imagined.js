import { stateName } from './edges.js'
import { element } from './element.js'

const PAUSE_MS = 200

/**
 * A past that might have been: from a step on its events are changed, left out or added to, and the machine itself, in
 * this page, says what follows. Nothing is sent.
 */
export class Imagined {
  #timeline
  #redraw
  #kind
  /** what the actor was before all events, those before the fork among them */
  #base = null
  #rows = []
  #skipped = []
  #results = []
  #picked = -1
  /** the row that was last looked at; another event goes behind it */
  #row
  #fork
  #machine
  #timer
  #list = element('ol', { class: 'imagined-steps' })
  #outcome = element('p', { class: 'outcome', role: 'status' })
  #fault = element('p', { class: 'fault', role: 'alert' })

  constructor(kind, timeline, redraw) {
    this.#kind = kind
    this.#timeline = timeline
    this.#redraw = redraw
    this.element = element('section', { class: 'panel imagined', hidden: true, 'aria-label': 'What if' })
  }

  /** A result that is shown instead of the past, with what was before it; null while nobody imagines. */
  get chosen() {
    if (this.element.hidden) return null
    const result = this.#results[this.#picked]
    // All events are left out: what was before them.
    if (!result) return this.#base && { ...this.#base, edge: null, event: null, before: this.#base }
    const before = this.#picked > 0 ? this.#results[this.#picked - 1].snapshot : this.#base
    return { ...result.snapshot, edge: result.edge, always: result.always, event: result.event, before }
  }

  async open() {
    const { steps, place, before } = this.#timeline
    const from = Math.max(0, place)
    this.element.hidden = false
    if (!steps.length || !(before ?? this.#timeline.stateAt(from - 1))) return this.#excuse()
    try {
      this.#fork ??= (await import('./fork.js')).fork
      this.#machine ??= (await import('./machines/examples.js')).examples[this.#kind] ?? []
    } catch {
      return this.#say('The machines could not be loaded from the server. Try again.')
    }
    // From the first step on, since only what is before it is there with all its parts.
    const start = before ? 0 : from
    this.#base = before ?? this.#timeline.stateAt(from - 1)
    this.#skipped = steps.slice(start, from).map(({ event }) => event)
    this.#rows = steps.slice(from).map(step => rowOf(step.event, step))
    this.#row = undefined
    this.#show()
    this.#work()
    this.element.querySelector('h3').focus()
  }

  close() {
    this.element.hidden = true
    this.#base = null
    this.#results = []
  }

  #excuse() {
    this.#say(
      'There is no step with a known state before it to begin with. Send the actor an event first, or step back less far.',
    )
  }

  #say(text) {
    this.#fault.textContent = text
    this.element.replaceChildren(this.#head(), this.#fault, this.#end())
  }

  #head() {
    return element('h3', { tabindex: '-1' }, 'What if?')
  }

  #end() {
    const onclick = () => {
      this.close()
      this.#redraw()
    }
    return element('button', { type: 'button', onclick }, 'Back to what was')
  }

  #show() {
    this.#fault.textContent = ''
    const types = [...new Set([...this.#machine.map(({ type }) => type), ...this.#rows.map(({ event }) => event.type)])]
    const type = element(
      'select',
      { id: 'added' },
      types.map(each => element('option', { value: each }, each)),
    )
    const add = element('button', { type: 'button', onclick: () => this.#add(type.value) }, 'Add behind the one picked')
    this.element.replaceChildren(
      this.#head(),
      element(
        'p',
        {},
        `From step ${this.#skipped.length + 1} on: take the tick off an event to leave it out, change what it says, or add one. `,
        'The machine itself says what would have followed, in this page. Nothing is sent, and the actor is not touched.',
      ),
      this.#list,
      this.#outcome,
      this.#fault,
      element('p', { class: 'adding' }, element('label', { for: 'added' }, 'Another event '), type, ' ', add),
      this.#end(),
    )
    this.#list.replaceChildren(...this.#rows.map(row => row.element ?? this.#made(row)))
  }

  #made(row) {
    const what = `${row.event.type}${row.real ? '' : ', added'}`
    const oninput = ({ target }) => {
      row.happens = target.checked
      this.#work()
    }
    const text = element('textarea', { rows: 6, spellcheck: 'false', 'aria-label': `The event ${what} as JSON` })
    text.value = JSON.stringify(row.event, null, 1)
    text.addEventListener('input', () => this.#changed(row, text))
    row.led = element('span', { class: 'led', 'aria-live': 'polite' })
    row.element = element(
      'li',
      { class: row.real ? null : 'added' },
      element('label', {}, element('input', { type: 'checkbox', checked: true, oninput }), ` ${what} `),
      row.led,
      element('details', { open: !row.real }, element('summary', {}, 'change'), text),
    )
    row.element.addEventListener('focusin', () => this.#pick(row))
    row.element.addEventListener('click', () => this.#pick(row))
    return row.element
  }

  #pick(row) {
    this.#row = row
    const taken = this.#rows.filter(({ happens }) => happens)
    this.#picked = row.happens ? this.#skipped.length + taken.indexOf(row) : this.#results.length - 1
    this.#redraw()
  }

  #add(type) {
    const like = this.#rows.findLast(({ event }) => event.type === type)?.event ?? this.#example(type)
    const place = this.#rows.includes(this.#row) ? this.#rows.indexOf(this.#row) : this.#rows.length - 1
    const last = this.#rows[place]?.event
    const at = last && 'at' in last && 'at' in like ? { at: last.at + 1_000 } : {}
    const added = rowOf({ ...like, ...at, ...('id' in like && { id: `imagined-${this.#rows.length}` }) }, null)
    this.#rows.splice(place + 1, 0, added)
    this.#show()
    this.#work()
    added.element.querySelector('textarea').focus()
  }

  /** An example, about this actor's own session where it names one. */
  #example(type) {
    const found = this.#machine.find(each => each.type === type) ?? { type }
    const session = this.#results.at(-1)?.snapshot.context.session?.id
    return session && 'sessionId' in found ? { ...found, sessionId: session } : found
  }

  #changed(row, text) {
    try {
      row.event = JSON.parse(text.value)
      if (typeof row.event?.type !== 'string') throw new Error('an event has a type')
      text.removeAttribute('aria-invalid')
      this.#fault.textContent = ''
    } catch (error) {
      text.setAttribute('aria-invalid', 'true')
      this.#fault.textContent = `This is no event yet: ${error.message}`
      return
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#work(), PAUSE_MS)
  }

  #work() {
    if (this.element.hidden) return
    const taken = this.#rows.filter(({ happens }) => happens)
    this.#results = this.#fork(this.#kind, this.#base, [...this.#skipped, ...taken.map(({ event }) => event)])
    for (const row of this.#rows) this.#tell(row, this.#results[this.#skipped.length + taken.indexOf(row)])
    this.#picked = this.#results.length - 1
    this.#conclude(this.#results.at(-1))
    this.#redraw()
  }

  /** In one sentence, how it would have ended. */
  #conclude(last) {
    const was = this.#timeline.steps.at(-1)
    const would = stateName(last?.value ?? this.#base.value)
    const isSame =
      JSON.stringify(last?.snapshot) === JSON.stringify({ value: was.value, context: was.snapshot?.context })
    const other =
      stateName(was.value) === would
        ? `It would be ${would} all the same, with another context.`
        : `It would be ${would}. Really it is ${stateName(was.value)}.`
    this.#outcome.textContent = isSame ? 'As it is: it ends where the actor is.' : other
  }

  #tell({ led, real, happens }, result) {
    const was = real && stateName(real.value)
    if (!happens) return led.replaceChildren('left out', was ? ` (it led to ${was})` : '')
    if (!result) return led.replaceChildren('not reached')
    if (result.error) return led.replaceChildren(element('span', { class: 'fault' }, result.error))
    const would = stateName(result.value)
    const differs = was && was !== would ? element('span', { class: 'mark' }, `differs: it was ${was}`) : ''
    led.replaceChildren('→ ', element('strong', {}, would), result.edge === null ? ', changes nothing ' : ' ', differs)
  }
}

const rowOf = (event, real) => ({ event, real, happens: true, element: null, led: null })
