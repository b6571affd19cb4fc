// The script that the engine runs for each call: it is one step to all others, so the log has one order.
//
// Keys have the name of the log in braces, so that a cluster of engines has them in one place:
//   meta     hash: format, lease, epoch, number, position, check, run, seq, swept
//   changes  stream: an entry with the id `NUMBER-0` for each change: p position, c check, v the change as JSON
//   members  hash: KNOWN:SEQ:AT of each that may have a lease; the member with an empty name stands for those of earlier epochs
//   intents  hash: the open intents as JSON, with their member and, once that has vanished, when they are due
//   image    hash: epoch, number, image: what was in force at that change (image-text.ts)
//
// The engine says nothing of a trimmed or lost part of a stream. So numbers have no gaps and are given here, each entry has
// a hash of all before it, and another run of the engine begins another epoch.
//
// A member may vanish in the middle of a write, and nobody knows how that ended. Whoever renews finds its intents, invalidates what they
// are on, and once more when the time of an unknown outcome is over. The engine's clock serves for that alone: where it jumps, an
// invalidation comes too early, and the one at the end of the write still comes.

const FORMAT = 2;

/** Changes that are kept for members that are behind; one that lacks more begins anew. */
const KEPT = 20_000;
/** Changes told in one reply. */
const MOST_TOLD = 10_000;
/** What is in force is written down each so many changes, so that who joins is told of few. */
export const IMAGE_EACH = 5_000;
/** The URIs of writes of unknown outcome stay unstorable for so long. */
const UNKNOWN_OUTCOME_MS = 30_000;
/** A member that did not renew for its lease and this time has vanished. */
const VANISHED_MS = 1_000;
/** Intents of vanished members that one call looks after. */
const MOST_SWEPT = 100;

const PARTS = ['meta', 'changes', 'members', 'intents', 'image'] as const;

export function keysOf(name: string): readonly string[] {
  return PARTS.map((part) => `tidegate:{${name}}:${part}`);
}

export function channelOf(name: string): string {
  return `tidegate:{${name}}:told`;
}

/**
 * ARGV: channel, member, epoch to begin where there is none, known epoch ('' for none), number, check, kind of call
 * ('renew': also takes a lease; 'append'; 'ask': neither), then kind and JSON of each change, the id and the URI JSON of an intent.
 * Gives: epoch, number, check, known ('' for nothing), position, then lists: told changes as position, JSON; open intents; own
 * positions; members to wait for as name, seq; and where nothing is known: what the told changes come after, as an image, '0' for the
 * begin of the epoch, or '' when they are not all there.
 */
export const SCRIPT = `
local meta, changes, members, intents, image = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local channel, member, fresh, known_epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known_number, known_check, call = tonumber(ARGV[5]), ARGV[6], ARGV[7]

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local at = redis.call('HMGET', meta, 'format', 'epoch', 'number', 'position', 'check', 'run', 'swept', 'lease')
if at[1] and tonumber(at[1]) > ${FORMAT} then
  return redis.error_reply('expected a log of format ${FORMAT} or older, got format ' .. at[1])
end
local epoch, number, position, check

local function num(value) return string.format('%.0f', value) end

local function begin()
  epoch, number, position, check = fresh, 0, 0, '0'
  redis.call('DEL', changes, intents, image)
  redis.call('HSET', meta, 'format', ${FORMAT}, 'epoch', epoch, 'number', 0, 'position', 0, 'check', '0', 'run', run)
  for _, name in ipairs(redis.call('HKEYS', members)) do redis.call('HSET', members, name, '-1:0:0') end
  redis.call('HSET', members, '', '-1:' .. redis.call('HINCRBY', meta, 'seq', 1) .. ':0')
end

if at[2] and at[6] == run and tonumber(at[1]) == ${FORMAT} then
  epoch, number, position, check = at[2], tonumber(at[3]), tonumber(at[4]), at[5]
else
  begin()
end

local known = nil
if known_epoch == epoch then
  if known_number == number and known_check == check then
    known = number
  elseif known_number == 0 then
    known = 0
  elseif known_number < number then
    local entry = redis.call('XRANGE', changes, num(known_number) .. '-0', num(known_number) .. '-0')[1]
    if entry then
      if entry[2][4] == known_check then known = known_number else begin() end
    end
  else
    begin()
  end
end

local first = number
local function append(kind, text, id, intent)
  number = number + 1
  if kind == 'invalidate' then
    position = position + 1
  elseif kind == 'open' then
    redis.call('HSET', intents, id, intent)
  else
    redis.call('HDEL', intents, id)
  end
  check = num(tonumber(string.sub(redis.sha1hex(check .. ' ' .. text), 1, 12), 16))
  redis.call('XADD', changes, 'MAXLEN', '~', ${KEPT}, num(number) .. '-0', 'p', num(position), 'c', check, 'v', text)
end

local placed = {}
for i = 8, #ARGV, 4 do
  append(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  placed[#placed + 1] = num(position)
end

local function vanished(name)
  local value = redis.call('HGET', members, name)
  return not value or now - tonumber(string.match(value, ':(%d+)$')) > tonumber(at[8] or 0) + ${VANISHED_MS}
end

local function sweep()
  local all = redis.call('HGETALL', intents)
  local left = ${MOST_SWEPT}
  for i = 1, #all, 2 do
    local is_read, intent = pcall(cjson.decode, all[i + 1])
    if not is_read then
      append('invalidate', '{"kind":"invalidate","selector":{"kind":"all"}}')
      append('close', cjson.encode({ kind = 'close', intent = all[i] }), all[i])
      intent = { due = now + 1 }
    end
    local is_due = intent.due and intent.due <= now
    if left > 0 and (is_due or (not intent.due and vanished(intent.by))) then
      left = left - 1
      local selector = intent.isPrefix and { kind = 'prefix', prefix = intent.uri } or { kind = 'url', uri = intent.uri }
      append('invalidate', cjson.encode({ kind = 'invalidate', selector = selector }))
      if is_due then
        append('close', cjson.encode({ kind = 'close', intent = all[i] }), all[i])
      else
        intent.due = now + ${UNKNOWN_OUTCOME_MS}
        redis.call('HSET', intents, all[i], cjson.encode(intent))
      end
    end
  end
end

if call == 'renew' and math.abs(now - tonumber(at[7] or 0)) > tonumber(at[8] or 0) then
  redis.call('HSET', meta, 'swept', num(now))
  sweep()
end
if number > first then
  redis.call('HSET', meta, 'number', num(number), 'position', num(position), 'check', check)
  redis.call('PUBLISH', channel, 'to ' .. epoch .. ' ' .. num(number))
end

local before = redis.call('HGET', members, member)
local confirmed, seq = -1, '0'
if before then
  confirmed, seq = string.match(before, '^(-?%d+):(%d+):')
  confirmed = tonumber(confirmed)
end
if known and known > confirmed then confirmed = known end
if call == 'renew' then seq = num(redis.call('HINCRBY', meta, 'seq', 1)) end
if before or call == 'renew' then
  redis.call('HSET', members, member, num(confirmed) .. ':' .. seq .. ':' .. num(now))
  if known then redis.call('PUBLISH', channel, 'by ' .. epoch .. ' ' .. num(confirmed) .. ' ' .. member) end
end

local told, open, waits, from = {}, {}, {}, ''
if known and number - known > ${MOST_TOLD} then known = nil end
local after = known
if not known then
  open = redis.call('HVALS', intents)
  local kept = redis.call('HMGET', image, 'epoch', 'number', 'image')
  if kept[1] == epoch then
    after, from = tonumber(kept[2]), kept[3]
  else
    after, from = 0, '0'
  end
end
local range = number - after <= ${MOST_TOLD} and redis.call('XRANGE', changes, num(after + 1) .. '-0', '+') or {}
if #range == number - after then
  for _, entry in ipairs(range) do
    told[#told + 1] = entry[2][2]
    told[#told + 1] = entry[2][6]
  end
elseif known then
  known = nil
  open = redis.call('HVALS', intents)
else
  from = ''
end
if call == 'append' then
  local all = redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    local theirs, their_seq = string.match(all[i + 1], '^(-?%d+):(%d+):')
    if all[i] ~= member and tonumber(theirs) < number then
      waits[#waits + 1] = all[i]
      waits[#waits + 1] = their_seq
    end
  end
end
return { epoch, num(number), check, known and num(known) or '', num(position), told, open, placed, waits, from }
`;

/** KEYS: meta, image. ARGV: epoch, number, image. Keeps the image, unless there is a later one or the log has begun anew. */
export const KEEP = `
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local kept = redis.call('HMGET', KEYS[2], 'epoch', 'number')
if kept[1] == ARGV[1] and tonumber(kept[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'number', ARGV[2], 'image', ARGV[3])
return 1
`;

/** KEYS: meta, members, intents. Gives: number, open intents, the engine's time in ms, and the members with what the hash has. */
export const MEMBERS = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local number = redis.call('HGET', KEYS[1], 'number') or '0'
return { number, redis.call('HLEN', KEYS[3]), string.format('%.0f', now), redis.call('HGETALL', KEYS[2]) }
`;

/** KEYS: members. ARGV: name, seq. Its lease has run out, unless it was renewed since. */
export const DROP = `
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value and string.match(value, ':(%d+):') == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
`;
