/** Elements are made of text alone, never of markup: what an actor holds may be anything. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [property, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue
    if (typeof value === 'function') made.addEventListener(property.slice(2), value)
    else made.setAttribute(property, value === true ? '' : String(value))
  }
  made.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false))
  return made
}

const two = n => String(n).padStart(2, '0')

/** The time of day, as the clocks of this place have it; with the day where that is not today. */
export function clock(ms) {
  const at = new Date(ms)
  const day = at.toDateString() === new Date().toDateString() ? '' : `${two(at.getMonth() + 1)}-${two(at.getDate())} `
  return `${day}${ofDay(at)}`
}

const ofDay = at => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`

/** A time as a time; its title has it in UTC and in ms. */
export function time(ms, text) {
  const at = new Date(ms)
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const title = `${at.toISOString()}, ${ms} ms`
  return element('time', { datetime: at.toISOString(), title }, text ?? `${day} ${ofDay(at)}`)
}

const FIRST_MS = Date.UTC(2000)
const LAST_MS = Date.UTC(2100)

/** Numbers between the years 2000 and 2100 are times: nothing else in a context comes near. */
export const isTime = value => Number.isInteger(value) && value >= FIRST_MS && value < LAST_MS

export const count = n => n.toLocaleString('en-US')

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`
