/** The policy of pages: they load and ask nothing but what comes from here, and no page of others shows them. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"],
].join('; ')

/** Headers of every answer of the first page and the inspector. */
export const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}
