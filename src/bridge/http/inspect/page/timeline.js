/** As many steps are kept; the oldest go. */
const MOST = 500

/** The last steps of an actor, oldest first, and which of them is looked at: the latest, as it comes, or one of the past. */
export class Timeline {
  steps = []
  /** as of before the first step; null: not known */
  before = null
  /** the place of the step looked at, -1 before the first; null: live */
  at = null
  /** of the last step that the log told */
  #recalled = -1

  get isLive() {
    return this.at === null
  }

  get place() {
    return this.at ?? this.steps.length - 1
  }

  /** The step looked at; undefined before the first one. */
  get step() {
    return this.steps[this.place]
  }

  /** The actor after the step at that place; null: not known. */
  stateAt(place) {
    const { snapshot, value } = this.steps[place] ?? {}
    if (place >= 0) return snapshot ? { value, context: snapshot.context } : null
    return place === -1 ? this.before : null
  }

  /**
   * The derived past, before what came live meanwhile: an entry of the log is in it whole or not at all. False: it tells
   * nothing.
   */
  recall({ refused, reason, before, steps }) {
    if (refused || (reason && steps.length === 0 && !before)) return false
    const last = steps.at(-1)?.seq ?? -1
    this.#recalled = last
    const looked = this.step
    this.steps = [...steps, ...this.steps.filter(({ seq }) => seq > last)]
    this.before = before
    this.#trim()
    if (!this.isLive)
      this.at = Math.max(this.#first, looked ? this.steps.findIndex(({ seq }) => seq === looked.seq) : -1)
    return true
  }

  /** Of the steps that the log told already, which it reads to its end, some are still on the way. */
  add(step) {
    if (step.seq <= this.#recalled) return
    this.steps.push(step)
    this.#trim()
  }

  /** False: there is nothing further that way. */
  go(by) {
    return this.goTo(this.place + by)
  }

  goTo(place) {
    if (place < this.#first || place >= this.steps.length) return false
    this.at = place
    return true
  }

  live() {
    this.at = null
  }

  /** The step by which it came into the state that it is in at that place. */
  entered(place) {
    const named = JSON.stringify(this.steps[place]?.value)
    let at = place
    while (at > 0 && JSON.stringify(this.steps[at - 1].value) === named) at--
    const isKnown = at > 0 || (this.before && JSON.stringify(this.before.value) !== named)
    return isKnown ? this.steps[at] : undefined
  }

  get #first() {
    return this.before || this.steps.length === 0 ? -1 : 0
  }

  #trim() {
    const surplus = this.steps.length - MOST
    if (surplus <= 0) return
    this.before = this.stateAt(surplus - 1)
    this.steps.splice(0, surplus)
    if (!this.isLive) this.at = Math.max(this.#first, this.at - surplus)
  }
}
