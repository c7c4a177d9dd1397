import { token } from './ask.js'
import { element } from './element.js'

const STATELY = 'https://stately.ai'
/** Frames that are kept until the other page listens; one that never does is given up. */
const MOST_WAITING = 1_000

/** Opens Stately's hosted inspector on an actor, after it was said that data then leaves, and agreed to. */
export function statelyButton(kind, key) {
  const told = element('span', { role: 'status' })
  const dialog = element(
    'dialog',
    { 'aria-labelledby': 'leaves' },
    element('h3', { id: 'leaves' }, 'This sends data to stately.ai'),
    element(
      'p',
      {},
      'Stately’s inspector is a page of another company. If you go on, the machine, each event and each whole state of ',
      element('b', {}, `${kind} ${key}`),
      ' are handed to a page of https://stately.ai in your browser, for as long as both pages are open. ',
      'Nothing has left so far. What it does with them is not in Rollcall’s hands.',
    ),
    element(
      'form',
      { method: 'dialog' },
      element('button', { value: 'no', autofocus: true }, 'Keep it here'),
      ' ',
      element('button', { value: 'yes', class: 'leaves' }, 'Hand it to stately.ai'),
    ),
  )
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'yes')
      handOver(kind, key, text => {
        told.textContent = text
      })
    dialog.returnValue = ''
  })
  const open = element('button', { type: 'button', onclick: () => dialog.showModal() }, 'Open in Stately’s inspector…')
  return element('div', {}, open, ' ', told, dialog)
}

/** As their `createBrowserInspector` does it: the page that was opened says when it listens, then it is told. */
export function handOver(kind, key, say) {
  const target = window.open(`${STATELY}/inspect`, 'xstateinspector')
  if (!target) return say('The browser let no window open.')
  let frames = []
  let hears = false
  const tell = frame => target.postMessage(frame, STATELY)
  const url = new URL(`../stately?actor=${encodeURIComponent(`${kind}/${key}`)}`, import.meta.url)
  url.protocol = url.protocol.replace('http', 'ws')
  // A page cannot give a WebSocket a header.
  const kept = token.get()
  const socket = new WebSocket(url, kept ? ['rollcall', `bearer.${kept}`] : [])
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data)
    if (target.closed) socket.close()
    else if (hears) tell(frame)
    else if (frames.push(frame) > MOST_WAITING) socket.close()
  })
  const listening = ({ origin, source, data }) => {
    if (origin !== STATELY || source !== target || data?.type !== '@statelyai.connected') return
    hears = true
    frames.forEach(tell)
    frames = []
  }
  window.addEventListener('message', listening)
  // After an error too.
  socket.addEventListener('close', () => {
    window.removeEventListener('message', listening)
    say('Nothing is handed over any more: the connection was refused, or ended.')
  })
  say('Handed over until either page is closed.')
}
