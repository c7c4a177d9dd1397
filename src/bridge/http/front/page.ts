import { shareOf, WORK_NAMES, type Work } from '../../../observe/work.ts'
import { escaped } from '../../escaped.ts'
import { MOST_SESSIONS } from '../../looks.ts'
import { pageHead } from '../../page-headers.ts'
import type { Figures, Wrong } from './figures.ts'
import { plot } from './plot.ts'
import { ownerAsHtml, partitionsAsHtml, sessionsAsHtml } from './tables.ts'
import { bytes, instant, latency, number, orUnknown, span, taken, UNKNOWN, workInWords } from './words.ts'

/** All of the page that changes: each part is put in the place of its former self. */
export function figuresAsHtml(figures: Figures): string {
  const { at, records } = figures
  return `<div id="figures">
${stateAsHtml(figures)}
${figures.work.length > 0 ? `<section id="work"><h2>Long work under way</h2>${figures.work.map(each => workAsHtml(each, at)).join('')}</section>` : ''}
<dl id="numbers">
${numbersAsHtml(figures)}
</dl>
<figure id="viewers">
<figcaption>Viewers of each five minutes, the last three hours (UTC)</figcaption>
${records ? plot(records, at) : `<p>${UNKNOWN}</p>`}
</figure>
<section id="sessions"><h2>Live sessions, those with most viewers first</h2>
${sessionsAsHtml(figures)}
</section>
<section id="partitions"><h2>Partitions</h2>
${ownerAsHtml(figures)}
${partitionsAsHtml(figures)}
</section>
<p class="at" id="at">As of <time datetime="${new Date(at).toISOString()}">${instant(at)}</time></p>
</div>`
}

/** The state: that all is well, or what is wrong and what helps. */
function stateAsHtml({ readiness: { ready, partitions }, wrong }: Figures): string {
  const well = wrong.length === 0
  const text = ready ? `All ${number(partitions)} partitions go on, and what comes is taken.` : ''
  return `<section id="state" class="${ready && well ? 'ready' : 'waiting'}">
<h2>${ready ? '✓ Ready' : '✗ Not ready'}${ready && !well ? ', but look at this' : ''}</h2>
${text && `<p>${text}</p>`}
${well ? '' : `<ul>${wrong.map(wrongAsHtml).join('')}</ul>`}
</section>`
}

const wrongAsHtml = ({ code, text, help, command, anchor }: Wrong): string =>
  `<li data-wrong="${code ?? anchor}">${code ? `<code>${escaped(code)}</code> ` : ''}${escaped(text)}
<p>What helps: ${escaped(help).replace(/`([^`]+)`/g, '<code>$1</code>')}. <a href="docs/operating.md#${anchor}">More</a></p>
<pre><code>${escaped(command)}</code></pre></li>`

function workAsHtml(work: Work, at: number): string {
  const share = shareOf(work)
  const [far, lasting] = workInWords(work, at)
  const part = share === null ? '' : `, ${Math.floor(share * 100)} %`
  const bar =
    share === null ? '<progress></progress>' : `<progress max="1000" value="${Math.round(share * 1_000)}"></progress>`
  return `<p data-work="${work.name}"><label>${WORK_NAMES[work.name]}: ${far}${part}${lasting}${bar}</label></p>`
}

function numbersAsHtml(figures: Figures): string {
  const { viewers, sessions, beatsASecond, webSessionsAMinute, answers, effects, parked, disk } = figures
  const live = sessions?.count ?? null
  const count = live !== null && live > MOST_SESSIONS ? `over ${number(MOST_SESSIONS)}` : orUnknown(live)
  const ever = viewers ? `of ${number(viewers.attendance)} who ever came` : ''
  const asked = answers
    ? `median and 99 of 100, of ${number(answers.aSecond)} a second`
    : 'nothing was asked in the last minute'
  const oldest = effects?.oldestMs ? `, the oldest for ${span(effects.oldestMs)}` : ''
  const times = answers ? `${latency(answers.p50Ms)} · ${latency(answers.p99Ms)}` : '–'
  return [
    one('Viewers alive', orUnknown(viewers?.alive), ever, 'viewers'),
    one('Live sessions', count, 'preview and live', 'sessions'),
    one('Web sessions a minute', orUnknown(webSessionsAMinute), 'that began in the last one', 'web-sessions'),
    one('Beats a second', number(beatsASecond), 'taken by this process, in the last minute', 'beats'),
    one('Answer times', times, asked, 'answers'),
    one('Effects that wait', orUnknown(effects?.waiting), `${orUnknown(effects?.parked)} parked${oldest}`, 'effects'),
    one('Parked events', orUnknown(parked), 'that their actors cannot take', 'parked'),
    disk
      ? one('Free disk', bytes(disk.freeBytes), taken(disk), 'disk')
      : one('Disk', '–', 'log and state are on servers', 'disk'),
  ].join('\n')
}

const one = (name: string, value: string, more: string, id: string): string =>
  `<div><dt>${name}</dt><dd><strong data-figure="${id}">${value}</strong> <small>${more}</small></dd></div>`

/** The first page; `content` null: a token is asked for before anything is shown. */
export function page(content: string | null): string {
  return `${pageHead('Rollcall')}
<link rel="stylesheet" href="front/front.css">
<link rel="icon" href="data:,">
<script type="module" src="front/front.js"></script>
${content === null ? '' : '<noscript><meta http-equiv="refresh" content="2"></noscript>'}
</head>
<body>
<header>
<h1>Rollcall</h1>
<p>Who is live, who is watching, and what every visit was.</p>
<nav aria-label="More"><a href="inspect">Inspector</a> <a href="docs/README.md">Documentation</a> <a href="docs/http.md">HTTP</a> <a href="reference">Reference</a> <a href="openapi.json">OpenAPI</a> <a href="docs/operating.md">Operating</a> <a href="asyncapi.json">AsyncAPI</a></nav>
</header>
<main>
<form id="token" ${content === null ? '' : 'hidden'}>
<label for="bearer">An operator’s token</label>
<input id="bearer" type="password" autocomplete="off" spellcheck="false" required>
<button>Look</button>
<p>It stays in this tab (sessionStorage), is sent to this server alone, and is gone when the tab is closed.</p>
<noscript><p>This page needs JavaScript to send it.</p></noscript>
</form>
<p id="fault" role="alert" hidden></p>
${content ?? '<div id="figures"></div>'}
</main>
</body>
</html>
`
}
