import { Chart } from './chart.js'
import { stateName } from './edges.js'
import { clock, element, plural, time } from './element.js'
import { sendOne } from './first-event.js'
import { Imagined } from './imagined.js'
import { statelyButton } from './stately.js'
import { Steps } from './steps.js'
import { Timeline } from './timeline.js'
import { tree } from './tree.js'
import { Watched } from './watched.js'

/** An actor on its chart: where it is, how it came there, what it was before, and what would have been. */
export class ActorView {
  #timeline = new Timeline()
  #facts = null
  #isConnected = false
  #open = new Set()
  #chart = new Chart()
  #nothing = element('div', { hidden: true })
  #why = element('p', { class: 'why', 'aria-live': 'polite' })
  #place = element('p', { class: 'place' })
  #when = element('p', { class: 'when', role: 'status' })
  #context = element('div')
  #event = element('div')
  #effects = element('div')
  #steps
  #imagined
  #watched
  /** whether it is drawn with the next frame of the screen */
  #isDrawing = false

  constructor(kind, key, signal, trouble) {
    this.kind = kind
    this.key = key
    this.#steps = new Steps(
      this.#timeline,
      place => this.#step(() => this.#timeline.goTo(place)),
      () => this.#watched.recall(),
    )
    this.#imagined = new Imagined(kind, this.#timeline, () => this.#draw())
    this.#watched = new Watched(kind, key, signal, {
      facts: facts => {
        this.#facts = facts
        trouble(null)
        this.#nothing.hidden = true
        this.element.classList.remove('unseen')
        this.#draw()
      },
      frame: frame => {
        this.#timeline.add(frame)
        this.#draw()
      },
      lost: frames => this.#steps.lost(frames),
      past: past => {
        this.#steps.told(past, this.#timeline.recall(past))
        this.#draw()
      },
      connected: is => {
        this.#isConnected = is
        this.#draw()
      },
      trouble: error => {
        if (error.status !== 404 || this.#timeline.steps.length > 0) return trouble(error)
        this.#nothing.hidden = false
        this.element.classList.add('unseen')
      },
    })
    this.#nothing.append(
      element('p', {}, 'No event has come for it yet. Send one, and it is shown:'),
      sendOne(kind, key),
    )
    document.addEventListener('keydown', event => this.#key(event), { signal })
    this.element = this.#page()
    void this.#chart.load(kind, signal, trouble).then(() => this.#draw())
    void this.#watched.follow()
  }

  #page() {
    const button = (text, title, onclick) => element('button', { type: 'button', title, onclick }, text)
    const panel = (title, ...inside) => element('section', { class: 'panel' }, element('h3', {}, title), ...inside)
    const stepping = element(
      'div',
      { class: 'stepping', role: 'group', 'aria-label': 'Step through the past' },
      button('← Earlier', 'Arrow left', () => this.#step(() => this.#timeline.go(-1))),
      button('Later →', 'Arrow right', () => this.#step(() => this.#timeline.go(1))),
      button('Live', 'Escape', () => this.#live()),
      button('What if…', 'Change, add or leave out an event', () => this.#imagined.open()),
    )
    const title = element('h2', {}, element('span', { class: 'of' }, this.kind), ' ', this.key)
    return element(
      'div',
      { class: 'actor columns' },
      element(
        'div',
        { class: 'left' },
        title,
        this.#nothing,
        this.#why,
        this.#place,
        stepping,
        this.#when,
        this.#chart.element,
      ),
      element(
        'div',
        { class: 'right', tabindex: '-1' },
        this.#imagined.element,
        panel('Events', this.#steps.element),
        panel('This event', this.#event),
        panel('Effects', this.#effects),
        panel('Context', this.#context),
        panel('Elsewhere', statelyButton(this.kind, this.key)),
      ),
    )
  }

  #key(event) {
    const { target, key, ctrlKey, altKey, metaKey } = event
    if (ctrlKey || altKey || metaKey || target.closest('input, textarea, select, dialog')) return
    const acts = { ArrowLeft: -1, ArrowRight: 1 }
    if (key in acts) this.#step(() => this.#timeline.go(acts[key]))
    else if (key === 'Escape') this.#live()
    else return
    event.preventDefault()
  }

  #step(move) {
    this.#imagined.close()
    move()
    this.#draw()
  }

  #live() {
    this.#imagined.close()
    this.#timeline.live()
    this.#draw()
  }

  /** Once a frame of the screen, however much comes. */
  #draw() {
    if (this.#isDrawing) return
    this.#isDrawing = true
    requestAnimationFrame(() => {
      this.#isDrawing = false
      this.#show()
    })
  }

  #show() {
    const { steps, place, step, isLive } = this.#timeline
    const imagined = this.#imagined.chosen
    const told = this.#timeline.stateAt(place)
    // The log's last step may be older than what the server says.
    const isBehind = isLive && this.#facts && (!step || step.seq < this.#facts.seq) && this.#facts.snapshot
    const now =
      isBehind || !told ? this.#facts && { value: this.#facts.value, context: this.#facts.snapshot?.context } : told
    const shown = imagined ?? (isLive || place < 0 || told ? now : { value: step.value, context: undefined })
    if (!shown) return
    const { edge, always } = imagined ?? step ?? {}
    const last = edge ?? (isLive && !imagined ? this.#facts?.edge : null)
    this.#chart.light(stateName(shown.value), [last, always], imagined ? 'if' : isLive ? 'now' : 'then')
    this.element.classList.toggle('past', !isLive && !imagined)
    this.element.classList.toggle('if', Boolean(imagined))
    this.#sayWhy(shown, imagined)
    this.#sayWhen(steps, place, isLive, imagined)
    if (this.#facts) this.#sayWhere(this.#facts)
    const before = imagined ? imagined.before : this.#timeline.stateAt(place - 1)
    const context = shown.context ? tree(shown.context, before?.context, this.#open) : tooLong()
    this.#context.replaceChildren(context)
    const event = imagined ? imagined.event : step?.event
    this.#event.replaceChildren(event ? tree(factsOf(event), undefined, this.#open) : 'No event is looked at.')
    this.#steps.show()
    this.#showEffects(step)
  }

  #sayWhy({ value }, imagined) {
    const name = element('strong', { class: 'state-name' }, stateName(value))
    const { place, step } = this.#timeline
    const isOfStep = !imagined && step && stateName(step.value) === stateName(value)
    const entered = isOfStep ? this.#timeline.entered(place) : undefined
    const is = imagined ? 'It would be ' : this.#timeline.isLive ? 'It is ' : 'It was '
    const { edge, always, event, at } = entered ?? {}
    const meaning = edge ? this.#chart.meaning('edge', always ?? edge) : this.#chart.meaning('state', stateName(value))
    const by = entered ? [' since ', time(at), ', by ', element('code', {}, event.type), '. '] : ['. ']
    // An edge that stays may be lit out of sight.
    const isLater = isOfStep && entered !== step && step.edge
    const later = isLater
      ? [' Then ', element('code', {}, step.event.type), ': ', this.#chart.meaning('edge', step.edge)]
      : []
    this.#why.replaceChildren(is, name, ...by, meaning, ...later)
  }

  #sayWhen(steps, place, isLive, imagined) {
    const at = place < 0 ? 'before the first step' : `after step ${place + 1} of ${steps.length}`
    if (imagined) this.#when.textContent = 'What would have been: worked out in this page. The actor is not touched.'
    else if (!isLive) this.#when.textContent = `The past: ${at}. Escape, or Live, leads back to now.`
    else if (!this.#isConnected) this.#when.textContent = 'Not connected: this may be old. Trying again…'
    else this.#when.textContent = `Live: ${plural(steps.length, 'step')} known. Arrow left steps back.`
    this.#when.classList.toggle('off', !this.#isConnected)
  }

  #sayWhere({ partition, shard, owner, seq, epoch, cut, isAwake }) {
    const fact = (name, value, meaning) =>
      element('span', { class: 'fact', title: meaning }, `${name} `, element('b', {}, String(value)))
    const awake = isAwake
      ? 'awake: in memory'
      : 'passive: not in memory, shown as it is kept, and not woken by this look'
    this.#place.replaceChildren(
      ...[fact('partition', partition, 'The part of the log its events are in'), ' · '],
      ...[fact('shard', shard, 'The worker thread that applies its events'), ' · '],
      ...[
        fact('owner', String(owner ?? 'unknown').slice(0, 8), `The process that owns the partition: ${owner}`),
        ' · ',
      ],
      ...[fact('seq', seq, 'The last entry of the partition that is in this state'), ' · '],
      ...[fact('epoch', epoch, 'Counts how often the partition was claimed: only the latest owner may write'), ' · '],
      ...[fact('cut', cut, 'The entry up to which the partition is committed'), ' · '],
      element('span', { class: 'fact' }, awake),
    )
  }

  #showEffects(step) {
    const effects = this.#facts?.effects ?? []
    if (effects.length === 0) return this.#effects.replaceChildren('It asked nothing of the world that is still known.')
    const own = new Set(step?.effects ?? [])
    const rows = effects.map(({ id, kind, state, at, doneAt, error }) =>
      element(
        'li',
        { class: own.has(id) && 'own', title: id },
        element('code', {}, kind),
        element('span', {}, error ? `${state}: ${error}` : state),
        time(doneAt ?? at, clock(doneAt ?? at)),
        own.has(id) && element('span', { class: 'mark' }, 'of this event'),
      ),
    )
    this.#effects.replaceChildren(element('ul', { class: 'effects' }, rows))
  }
}

/** An event without what is said elsewhere: whose it is. */
const factsOf = ({ type, kind: _kind, key: _key, ...facts }) => ({ type, ...facts })

const tooLong = () => element('p', {}, 'It is too long to be shown here: GET /actors answers it whole.')
