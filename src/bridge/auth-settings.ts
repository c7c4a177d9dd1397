import { z } from 'zod'

/** How callers prove who they are. Tokens are signed by one secret (HS256, HS384, HS512), or by the keys under a URL. */
export type AuthSettings = ({ secret: string } | { jwksUrl: string }) & {
  /** as `aud` and `iss` of a token must be; undefined: whatever they are */
  audience: string | undefined
  issuer: string | undefined
  /** the claim with the visitor that a user's web events are of */
  visitorClaim: string
  /** whether a user's token must end */
  requireExp: boolean
  /** how far ahead the end of a user's token may lie */
  mostExpMs: number
  /** what makes a token an operator's: this scope, or that it is signed by this secret */
  operator: { scope: string } | { secret: string }
}

const DAY_MS = 86_400_000
const SECRET_BYTES = 32

const secret = z.string().refine(text => Buffer.byteLength(text) >= SECRET_BYTES, {
  error: `must have ${SECRET_BYTES} bytes or more`,
})

/** The variables of authentication. */
export const AUTH_VARIABLES = {
  ROLLCALL_AUTH_SECRET: secret.optional(),
  ROLLCALL_AUTH_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
  ROLLCALL_AUTH_AUDIENCE: z.string().min(1).optional(),
  ROLLCALL_AUTH_ISSUER: z.string().min(1).optional(),
  ROLLCALL_AUTH_VISITOR_CLAIM: z.string().min(1).default('visitor'),
  ROLLCALL_AUTH_REQUIRE_EXP: z.enum(['true', 'false']).default('true'),
  ROLLCALL_AUTH_MOST_EXP_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(3_650 * DAY_MS)
    .default(DAY_MS),
  ROLLCALL_AUTH_OPERATOR_SCOPE: z
    .string()
    .regex(/^[^\s]+$/, { error: 'must be one scope' })
    .optional(),
  ROLLCALL_AUTH_OPERATOR_SECRET: secret.optional(),
  ROLLCALL_METRICS_TOKEN: secret.regex(/^[\w.~+/=-]+$/, { error: 'must be a bearer token' }).optional(),
}

const VARIABLES = z.object(AUTH_VARIABLES)
type Variables = z.output<typeof VARIABLES>
type Name = keyof Variables & string

/** Variables of authentication that do not go together, each with why. */
export function authFaults(env: Variables): [name: Name, message: string][] {
  const faults: [Name, string][] = []
  const isOn = Boolean(env.ROLLCALL_AUTH_SECRET ?? env.ROLLCALL_AUTH_JWKS_URL)
  if (env.ROLLCALL_AUTH_SECRET && env.ROLLCALL_AUTH_JWKS_URL)
    faults.push(['ROLLCALL_AUTH_JWKS_URL', 'must not be set beside ROLLCALL_AUTH_SECRET'])
  if (env.ROLLCALL_AUTH_JWKS_URL) {
    const { protocol, hostname = '' } = URL.parse(env.ROLLCALL_AUTH_JWKS_URL) ?? {}
    if (protocol === 'http:' && !isLoopback(hostname))
      faults.push(['ROLLCALL_AUTH_JWKS_URL', 'must be https: what comes in the clear may be of anybody'])
    // The same keys sign the tokens of other programs, for other audiences.
    for (const name of ['ROLLCALL_AUTH_AUDIENCE', 'ROLLCALL_AUTH_ISSUER'] as const)
      if (!env[name]) faults.push([name, 'must be set beside ROLLCALL_AUTH_JWKS_URL'])
  }
  const operators = env.ROLLCALL_AUTH_OPERATOR_SECRET
  for (const name of ['ROLLCALL_AUTH_SECRET', 'ROLLCALL_AUTH_OPERATOR_SECRET'] as const)
    if (env.ROLLCALL_METRICS_TOKEN && env.ROLLCALL_METRICS_TOKEN === env[name])
      faults.push(['ROLLCALL_METRICS_TOKEN', `must be another one than ${name}`])
  if (!operators) return faults
  if (!isOn) faults.push(['ROLLCALL_AUTH_OPERATOR_SECRET', 'needs ROLLCALL_AUTH_SECRET or ROLLCALL_AUTH_JWKS_URL'])
  if (operators === env.ROLLCALL_AUTH_SECRET)
    faults.push(['ROLLCALL_AUTH_OPERATOR_SECRET', 'must be another one than ROLLCALL_AUTH_SECRET'])
  if (env.ROLLCALL_AUTH_OPERATOR_SCOPE)
    faults.push(['ROLLCALL_AUTH_OPERATOR_SCOPE', 'must not be set beside ROLLCALL_AUTH_OPERATOR_SECRET'])
  return faults
}

/** Null without a secret or keys: then everybody may do everything, from this machine. */
export function authOf(env: Variables): AuthSettings | null {
  const { ROLLCALL_AUTH_SECRET: secret, ROLLCALL_AUTH_JWKS_URL: jwksUrl } = env
  const operatorSecret = env.ROLLCALL_AUTH_OPERATOR_SECRET
  const rules = {
    audience: env.ROLLCALL_AUTH_AUDIENCE,
    issuer: env.ROLLCALL_AUTH_ISSUER,
    visitorClaim: env.ROLLCALL_AUTH_VISITOR_CLAIM,
    requireExp: env.ROLLCALL_AUTH_REQUIRE_EXP === 'true',
    mostExpMs: env.ROLLCALL_AUTH_MOST_EXP_MS,
    operator: operatorSecret ? { secret: operatorSecret } : { scope: env.ROLLCALL_AUTH_OPERATOR_SCOPE ?? 'operator' },
  }
  if (secret) return { secret, ...rules }
  return jwksUrl ? { jwksUrl, ...rules } : null
}

/** A name or an address, as a URL or a setting has it, that leads nowhere but to this machine. */
export const isLoopback = (host: string): boolean => /^(localhost|\[?::1\]?|127(\.\d{1,3}){3})$/i.test(host)
