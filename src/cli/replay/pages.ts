/** Visits of pages, told from the other hits of an access log. */
import type { Hit } from './hit.ts'

/** Kinds of hits that are no visit of a page; a hit of several is of the first. */
export const KINDS = ['staticFiles', 'methods', 'errors', 'bots'] as const

export type Kind = (typeof KINDS)[number]

/** The kind of a hit that is no visit of a page. */
export type KindOf = (hit: Hit) => Kind | undefined

const METHODS = new Set(['GET', 'HEAD'])

const EXTENSIONS = new Set(
  `css js mjs map json webmanifest wasm xml rss atom txt csv pdf doc docx xls xlsx ppt pptx odt ods rtf epub
  png jpg jpeg gif svg webp avif bmp ico cur tif tiff woff woff2 ttf otf eot
  mp3 m4a aac flac ogg oga wav mp4 m4v m4s webm ogv mov avi wmv mpg mpeg flv mkv swf m3u8 mpd ts vtt
  zip gz tgz tar bz2 xz zst rar 7z exe msi dmg iso apk deb rpm jar bin`.split(/\s+/),
)

/** Loads the list of bots, which nothing else needs. */
export async function kindsOfHits(): Promise<KindOf> {
  const { isbot } = await import('isbot')
  return ({ method, page, status, agent }) => {
    if (isStaticFile(page)) return 'staticFiles'
    if (!METHODS.has(method)) return 'methods'
    if (/^[45]\d\d$/.test(status ?? '')) return 'errors'
    return isbot(agent) ? 'bots' : undefined
  }
}

/** Goes by the extension, without query, fragment and parameters: `/style.css;v=2?x` is one, `/v1.2/` is none. */
function isStaticFile(page: string): boolean {
  const path = page.replace(/ HTTP\/[\d.]+$/, '').replace(/[?#;].*$/s, '')
  const [, extension = ''] = /\.(\w+)$/.exec(path) ?? []
  return EXTENSIONS.has(extension.toLowerCase())
}
