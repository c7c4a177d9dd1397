import { element, isTime, plural, time } from './element.js'

/** Elements that are shown of a list or map, and levels. */
const MOST = 100
const DEEPEST = 12
/** Levels that are open at first. */
const OPEN = 1

/** A value as a tree; what differs from `before` (undefined: nothing is compared) is marked, in words too. */
export function tree(value, before, open = new Set()) {
  return element('ul', { class: 'tree' }, rows(value, before, before !== undefined, '', 0, open))
}

const isMap = value => typeof value === 'object' && value !== null

function rows(value, before, compares, path, depth, open) {
  const names = Object.keys(value)
  const gone = compares && isMap(before) ? Object.keys(before).filter(name => !(name in value)) : []
  const shown = names.slice(0, MOST).map(name => {
    const former = isMap(before) && Object.hasOwn(before, name) ? before[name] : undefined
    return row(name, value[name], former, compares, `${path}/${name}`, depth, open)
  })
  const rest =
    names.length > MOST ? element('li', { class: 'more' }, `and ${plural(names.length - MOST, 'more')}`) : null
  const left = gone.slice(0, MOST).map(name => element('li', { class: 'gone' }, element('del', {}, name), mark('gone')))
  return [...shown, rest, ...left]
}

function row(name, value, before, compares, path, depth, open) {
  const differs = compares && !same(value, before)
  if (!isMap(value) || Object.keys(value).length === 0 || depth >= DEEPEST) {
    const was = differs && (before === undefined ? mark('new') : mark('was ', short(before, name)))
    return element(
      'li',
      { class: differs && 'changed' },
      element('span', { class: 'field' }, name),
      ' ',
      leaf(value),
      was,
    )
  }
  const title = [element('span', { class: 'field' }, name), ' ', element('span', { class: 'size' }, sizeOf(value))]
  const isOpen = depth < OPEN || differs || open.has(path)
  const inside = element('ul', {}, rows(value, before, compares && before !== undefined, path, depth + 1, open))
  const said = differs && mark(before === undefined ? 'new' : 'changed inside')
  const ontoggle = ({ target }) => (target.open ? open.add(path) : open.delete(path))
  return element(
    'li',
    { class: differs && before === undefined && 'changed' },
    element('details', { open: isOpen, ontoggle }, element('summary', {}, title, said), inside),
  )
}

const mark = (...words) => element('span', { class: 'mark' }, ...words)

const sizeOf = value => {
  const n = Object.keys(value).length
  return Array.isArray(value) ? `list of ${n}` : plural(n, 'field')
}

function leaf(value, name = '') {
  if (isTime(value)) return time(value)
  if (name.endsWith('Ms') && Number.isFinite(value)) return element('span', { title: `${value} ms` }, duration(value))
  if (value === null) return element('span', { class: 'nothing' }, 'none')
  if (isMap(value)) return element('span', { class: 'nothing' }, Array.isArray(value) ? 'empty list' : 'empty')
  return element('span', { class: typeof value }, typeof value === 'string' ? value || '“”' : String(value))
}

function short(value, name) {
  if (!isMap(value)) return leaf(value, name)
  return element('span', { class: 'size' }, sizeOf(value))
}

const UNITS = [
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

/** In the greatest unit that it is whole in. */
function duration(ms) {
  const [size, unit] = UNITS.find(([size]) => ms !== 0 && ms % size === 0) ?? [1, 'ms']
  return `${ms / size} ${unit}`
}

const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b)
