import { ERRORS } from '../../../errors.ts'
import { escaped } from '../../escaped.ts'
import { pageHead } from '../../page-headers.ts'
import type { OpenApi, Operation, Parameter } from './document.ts'
import { exampleOf, fieldsOf, kindOf, prose } from './fields.ts'
import type { Schema } from './schemas.ts'

type Named = Record<string, Schema>

/** The document for a reader: a page that works without a script. */
export function reference({ info, tags, paths, components }: OpenApi): string {
  const schemas = components.schemas as Named
  const groups = tags.map(({ name, description }) => {
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => operation.tags.includes(name))
        .map(([method, operation]) => operationAsHtml(method.toUpperCase(), path, operation, components)),
    )
    return `<section id="${anchorOf(name)}"><h2>${escaped(name)}</h2><p>${prose(description)}</p>${operations.join('\n')}</section>`
  })
  const links = [...tags.map(({ name }) => name), 'Schemas', 'Codes'].map(
    name => `<a href="#${anchorOf(name)}">${escaped(name)}</a>`,
  )
  return `${pageHead(`${escaped(info.title)}: HTTP`)}
<link rel="stylesheet" href="reference/reference.css">
<link rel="icon" href="data:,">
</head>
<body>
<header>
<h1>${escaped(info.title)}: HTTP</h1>
${paragraphs(info.description)}
<nav aria-label="Parts">${links.join(' ')} <a href="openapi.json">openapi.json</a> <a href="docs/http.md">In words</a></nav>
</header>
<main>
${groups.join('\n')}
<section id="Schemas"><h2>Schemas</h2>
${Object.entries(schemas)
  .map(([name, schema]) => schemaAsHtml(name, schema))
  .join('\n')}
</section>
<section id="Codes"><h2>Codes</h2>
<table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead><tbody>
${Object.entries(ERRORS)
  .map(
    ([code, [status, meaning]]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${prose(meaning)}</td></tr>`,
  )
  .join('\n')}
</tbody></table>
</section>
</main>
</body>
</html>
`
}

const anchorOf = (name: string): string => name.replaceAll(' ', '-')

const paragraphs = (text: string): string =>
  text
    .split('\n\n')
    .map(each => `<p>${prose(each)}</p>`)
    .join('')

function operationAsHtml(
  method: string,
  path: string,
  operation: Operation,
  components: OpenApi['components'],
): string {
  const { operationId, summary, description, parameters = [], requestBody } = operation
  const schemas = components.schemas as Named
  const named = components.parameters as unknown as Record<string, Parameter>
  const taken = parameters.map(each => (each.$ref ? named[each.$ref.split('/').at(-1)!]! : each))
  return `<details id="${operationId}">
<summary><code class="${method.toLowerCase()}">${method}</code> <code>${escaped(path)}</code> <span>${prose(summary)}</span></summary>
${paragraphs(description)}
${taken.length > 0 ? `<h3>Parameters</h3><ul>${taken.map(parameterAsHtml).join('')}</ul>` : ''}
${requestBody ? `<h3>Body</h3><p>${prose(requestBody.description)}${requestBody.required ? '' : ' It may be left out.'}</p>${contentAsHtml(requestBody.content, schemas)}` : ''}
<h3>Answers</h3>
${answersOf(operation, schemas)}
</details>`
}

const parameterAsHtml = ({ name, in: place, required, description, schema }: Parameter): string =>
  `<li><code>${escaped(name)}${required ? '' : '?'}</code> <small>${place}</small> ${kindOf(schema)}.${description ? ` ${prose(description)}` : ''}</li>`

function answersOf({ responses }: Operation, schemas: Named): string {
  return Object.entries(responses)
    .map(([status, { description, content = {} }]) => {
      const isRefusal = Number(status) >= 400
      const said = isRefusal
        ? prose(description).replace(/<code>(RC_\w+)</g, '<code><a href="#$1">$1</a><')
        : prose(description)
      return `<div class="answer"><strong>${status}</strong> <div>${said}${isRefusal ? '' : contentAsHtml(content, schemas)}</div></div>`
    })
    .join('\n')
}

function contentAsHtml(content: NonNullable<Operation['requestBody']>['content'], schemas: Named): string {
  return Object.entries(content)
    .map(([type, { schema }]) => {
      const example = exampleOf(schema, schemas)
      return `<p><small>${escaped(type)}</small> ${kindOf(schema)}</p>${fieldsOf(schema)}${example === undefined ? '' : pre(example)}`
    })
    .join('')
}

const schemaAsHtml = (name: string, schema: Schema): string =>
  `<details id="${escaped(name)}"><summary><code>${escaped(name)}</code> <span>${prose(schema.description ?? '')}</span></summary>${fieldsOf(schema)}${schema.examples ? pre(schema.examples[0]) : ''}</details>`

const pre = (value: unknown): string => `<pre>${escaped(JSON.stringify(value, null, 2))}</pre>`
