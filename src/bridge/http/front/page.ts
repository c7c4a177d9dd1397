import { escaped } from '../../escaped.ts'
import { type Figures, MOST_SESSIONS } from './figures.ts'
import { plot } from './plot.ts'

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 1 })
const orUnknown = (value: number | null): string => (value === null ? 'not known' : number(value))

/** All of the page that changes: it is put in the place of its former self. */
export function figuresAsHtml({ at, readiness, viewers, sessions, beatsASecond, records }: Figures): string {
  const count = sessions !== null && sessions > MOST_SESSIONS ? `over ${number(MOST_SESSIONS)}` : orUnknown(sessions)
  const ever = viewers ? `of ${number(viewers.attendance)} who ever came` : ''
  return `<div id="figures">
<section class="${readiness.ready ? 'ready' : 'waiting'}">
<h2>${readiness.ready ? 'Ready' : 'Not ready'}</h2>
${readinessAsHtml(readiness)}
</section>
<dl>
${figure('Viewers alive', orUnknown(viewers?.alive ?? null), ever, 'viewers')}
${figure('Live sessions', count, 'preview and live', 'sessions')}
${figure('Beats a second', number(beatsASecond), 'taken by this process, in the last minute', 'beats')}
</dl>
<figure>
<figcaption>Viewers of each five minutes, the last three hours (UTC)</figcaption>
${records ? plot(records, at) : '<p>not known</p>'}
</figure>
<p class="at">As of <time datetime="${new Date(at).toISOString()}">${new Date(at).toISOString().slice(11, 19)} UTC</time></p>
</div>`
}

const figure = (name: string, value: string, more: string, id: string): string =>
  `<div><dt>${name}</dt><dd><strong data-figure="${id}">${value}</strong> <small>${more}</small></dd></div>`

/** In the words of `/readyz`. */
function readinessAsHtml({ ready, partitions, stopped, writes = [] }: Figures['readiness']): string {
  if (ready) return `<p>All ${partitions} partitions go on, and what comes is taken.</p>`
  const lines = [
    ...writes.map(({ code, message }) => `writes: <code>${escaped(code)}</code> ${escaped(message)}`),
    ...[...Map.groupBy(stopped, ({ stopped: { code } }) => code).values()].map(alike),
  ]
  return `<ul>${lines.map(line => `<li>${line}</li>`).join('')}</ul>`
}

/** Partitions that do not go on for the same reason, in a line, with how far they are where that is known. */
function alike(some: Figures['readiness']['stopped']): string {
  const { code, message } = some[0]!.stopped
  const [applied, all] = some.reduce(
    ([applied, all], each) =>
      each.replayUntil ? [applied + (each.applied ?? 0), all + each.replayUntil] : [applied, all],
    [0, 0],
  )
  const names = some.map(({ partition }) => partition).join(', ')
  const far = all > 0 ? ` (${number(applied)} of ${number(all)} entries)` : ''
  return `partition${some.length > 1 ? 's' : ''} ${names}: <code>${escaped(code)}</code> ${escaped(message)}${far}`
}

/** The first page; `content` null: a token is asked for before anything is shown. */
export function page(content: string | null): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rollcall</title>
<link rel="stylesheet" href="front/front.css">
<link rel="icon" href="data:,">
<script type="module" src="front/front.js"></script>
${content === null ? '' : '<noscript><meta http-equiv="refresh" content="2"></noscript>'}
</head>
<body>
<header>
<h1>Rollcall</h1>
<p>Who is live, who is watching, and what every visit was.</p>
<nav aria-label="More"><a href="inspect">Inspector</a> <a href="docs/README.md">Documentation</a> <a href="reference">HTTP</a> <a href="docs/operating.md">Operating</a> <a href="asyncapi.json">AsyncAPI</a></nav>
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
