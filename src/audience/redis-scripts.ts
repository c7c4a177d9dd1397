/**
 * The scripts: all that is done in Redis, each at once. KEYS: generation, rebuild, whole, then those the script is about; keys
 * named by an id begin with one of these. ARGV: generation, partition, its token, number of partitions, then records.
 */

/**
 * Begins every script but `begin` and `holds`: answers -1 where what the partition published is not all there, or somebody else
 * publishes for it. A token is of one generation.
 */
const UNLESS_LOST = `
local function lost()
  if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return true end
  if redis.call('SCARD', KEYS[3]) < tonumber(ARGV[4]) or redis.call('GET', KEYS[1]) == ARGV[1] then return false end
  redis.call('DEL', KEYS[2], KEYS[3])
  return true
end
if lost() then return -1 end
`

/** Scores only grow, and a viewer is on the stream of the newest beat alone. */
const BEATS = `
local newest = {}
for i = 5, #ARGV, 3 do
  local user, at, stream = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('ZADD', KEYS[4], 'GT', 'CH', at, user) == 1 then
    local was = redis.call('HGET', KEYS[5], user)
    if was and was ~= stream then
      redis.call('ZREM', KEYS[4] .. ':' .. was, user)
      if stream == '' then redis.call('HDEL', KEYS[5], user) end
    end
    if stream ~= '' then
      if was ~= stream then redis.call('HSET', KEYS[5], user, stream) end
      redis.call('ZADD', KEYS[4] .. ':' .. stream, at, user)
      newest[stream] = math.max(newest[stream] or 0, tonumber(at))
    end
  end
end
for stream, at in pairs(newest) do redis.call('ZADD', KEYS[6], 'GT', string.format('%.0f', at), stream) end
return 0
`

/**
 * Follows `lost`: nobody knows who attended where one of the sets that tell of it is gone, and all begins anew. The set
 * of all is there once anybody was; those of streams as long as they count, and till then stand in `counting`.
 */
const GONE = `
local function gone(key)
  if redis.call('EXISTS', key) == 1 then return false end
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  return true
end
if redis.call('HGET', KEYS[2], 'attended') and gone(KEYS[4]) then return -1 end
`

/** Follows `gone`: streams that count go on to do so for longer, a minute longer than news of them may come. */
const COUNTING = `
local function due(stream)
  return tonumber(redis.call('ZSCORE', KEYS[5], stream) or 0) > tonumber(ARGV[5])
end
local function goOn(stream, left)
  redis.call('ZADD', KEYS[5], 'GT', string.format('%.0f', ARGV[5] + left), stream)
  local key, ms = KEYS[4] .. ':' .. stream, left + 60000
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, string.format('%.0f', ms)) end
end
`

const ATTENDANCE = `
for i = 6, #ARGV, 3 do
  local stream, user, left = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if stream == '' then
    redis.call('SADD', KEYS[4], user)
    redis.call('HSET', KEYS[2], 'attended', 1)
  else
    local key = KEYS[4] .. ':' .. stream
    if due(stream) and gone(key) then return -1 end
    if redis.call('SADD', key, user) == 1 then goOn(stream, left) end
  end
end
return 0
`

const STREAMS = `
for i = 6, #ARGV, 2 do
  if due(ARGV[i]) then
    if gone(KEYS[4] .. ':' .. ARGV[i]) then return -1 end
    goOn(ARGV[i], ARGV[i + 1])
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ARGV[5])
return 0
`

/** A run with a later end is newer; of the same end the longer one, since runs grow together. */
const VIEWING = `
for i = 5, #ARGV, 3 do
  local key, from, to = KEYS[4] .. ':' .. ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local known = redis.call('HMGET', key, 'start', 'end')
  local start, stop = tonumber(known[1] or 0), tonumber(known[2] or -1)
  if to > stop or (to == stop and from < start) then
    redis.call('HSET', key, 'start', ARGV[i + 1], 'end', ARGV[i + 2])
    redis.call('PEXPIRE', key, 86400000)
  end
end
return 0
`

/** The seqs of another generation say nothing about those of this one. */
const SNAPSHOTS = `
for i = 5, #ARGV, 3 do
  local key = KEYS[4] .. ':' .. ARGV[i]
  local known = redis.call('HMGET', key, 'generation', 'seq')
  if known[1] ~= ARGV[1] or tonumber(known[2]) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', key, 'generation', ARGV[1], 'seq', ARGV[i + 1], 'json', ARGV[i + 2])
    redis.call('PEXPIRE', key, 604800000)
  end
end
return 0
`

/** Snapshots are published by one owner in their order, so the last one is the newest. */
const ACTORS = `
for i = 5, #ARGV, 2 do redis.call('SET', KEYS[4] .. ':' .. ARGV[i], ARGV[i + 1], 'PX', 86400000) end
return 0
`

/** News of cuts that do not follow those of which the sets know are too much, or too little. */
const CUTS = `
local known = 'held/' .. ARGV[2]
if redis.call('HGET', KEYS[2], known) ~= ARGV[5] then return -1 end
redis.call('HSET', KEYS[2], known, ARGV[6])
return 0
`

const HOLDS = `
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[2], 'attended') and redis.call('EXISTS', KEYS[4]) == 0 then return 0 end
return redis.call('HGET', KEYS[2], 'held/' .. ARGV[2]) == ARGV[5] and 1 or 0
`

/** At most this many viewers in one go, so that nobody waits for it. */
export const TRIMMED = 1_000

const TRIM = `
local before = '(' .. ARGV[5]
local gone = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', before, 'LIMIT', 0, ${TRIMMED})
if #gone > 0 then
  redis.call('ZREM', KEYS[4], unpack(gone))
  redis.call('HDEL', KEYS[5], unpack(gone))
end
if #gone < ${TRIMMED} then
  for _, stream in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', before)) do
    redis.call('UNLINK', KEYS[4] .. ':' .. stream)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', before)
  for _, stream in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
    redis.call('ZREMRANGEBYSCORE', KEYS[4] .. ':' .. stream, '-inf', before)
  end
end
return #gone
`

/** The sets of another generation go: nobody can say which partitions their viewers are of. */
const BEGIN = `
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then
  for _, stream in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do redis.call('UNLINK', KEYS[4] .. ':' .. stream) end
  for _, stream in ipairs(redis.call('ZRANGE', KEYS[8], 0, -1)) do redis.call('UNLINK', KEYS[7] .. ':' .. stream) end
  redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
  redis.call('HSET', KEYS[2], 'generation', ARGV[1])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('DEL', KEYS[1])
return 0
`

/** The partition that finishes last says that all is whole. */
const FINISH = `
redis.call('SADD', KEYS[3], ARGV[2])
if ARGV[5] then redis.call('HSET', KEYS[2], 'held/' .. ARGV[2], ARGV[5]) end
if redis.call('SCARD', KEYS[3]) == tonumber(ARGV[4]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 0
`

const IS_CURRENT = `
return redis.call('SISMEMBER', KEYS[3], ARGV[2])
`

const ABOUT_ALIVE = ['alive', 'watching', 'streams'] as const
const ABOUT_ATTENDANCE = ['attendance', 'counting'] as const

/** By name: the script, and the keys it is about. */
export const SCRIPTS = {
  begin: { lua: BEGIN, about: [...ABOUT_ALIVE, ...ABOUT_ATTENDANCE] },
  beats: { lua: UNLESS_LOST + BEATS, about: ABOUT_ALIVE },
  attendance: { lua: UNLESS_LOST + GONE + COUNTING + ATTENDANCE, about: ABOUT_ATTENDANCE },
  counting: { lua: UNLESS_LOST + GONE + COUNTING + STREAMS, about: ABOUT_ATTENDANCE },
  viewing: { lua: UNLESS_LOST + VIEWING, about: ['viewing'] },
  snapshots: { lua: UNLESS_LOST + SNAPSHOTS, about: ['snapshot'] },
  actors: { lua: UNLESS_LOST + ACTORS, about: ['actor'] },
  cuts: { lua: UNLESS_LOST + CUTS, about: [] },
  holds: { lua: HOLDS, about: ['attendance'] },
  trim: { lua: UNLESS_LOST + TRIM, about: ABOUT_ALIVE },
  finish: { lua: UNLESS_LOST + FINISH, about: [] },
  isCurrent: { lua: UNLESS_LOST + GONE + IS_CURRENT, about: ['attendance'] },
} as const satisfies Record<string, { lua: string; about: readonly string[] }>

export type Script = keyof typeof SCRIPTS
