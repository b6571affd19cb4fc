// The script that the engine runs for each call: it is one step to all others, so the log has one order.
//
// Keys have the name of the log in braces, so that a cluster of engines has them in one place:
//   meta     hash: format, epoch, number, position, check, run, seq
//   changes  stream: an entry with the id `NUMBER-0` for each change: p position, c check, v the change as JSON
//   members  hash: KNOWN:SEQ of each that may have a lease; the member with an empty name stands for those of earlier epochs
//   intents  hash: the open intents, as JSON
//
// The engine says nothing of a trimmed or lost part of a stream. So numbers have no gaps and are given here, each entry has
// a hash of all before it, and another run of the engine begins another epoch.

const FORMAT = 1;

/** Changes that are kept for members that are behind; one that lacks more begins anew. */
const KEPT = 10_000;
/** Changes told in one reply. */
const MOST_TOLD = 5_000;

const PARTS = ['meta', 'changes', 'members', 'intents'] as const;

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
 * positions; members to wait for as name, seq.
 */
export const SCRIPT = `
local meta, changes, members, intents = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel, member, fresh, known_epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known_number, known_check, call = tonumber(ARGV[5]), ARGV[6], ARGV[7]

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local at = redis.call('HMGET', meta, 'format', 'epoch', 'number', 'position', 'check', 'run')
if at[1] and tonumber(at[1]) > ${FORMAT} then
  return redis.error_reply('expected a log of format ${FORMAT} or older, got format ' .. at[1])
end
local epoch, number, position, check

local function num(value) return string.format('%.0f', value) end

local function begin()
  epoch, number, position, check = fresh, 0, 0, '0'
  redis.call('DEL', changes, intents)
  redis.call('HSET', meta, 'format', ${FORMAT}, 'epoch', epoch, 'number', 0, 'position', 0, 'check', '0', 'run', run)
  for _, name in ipairs(redis.call('HKEYS', members)) do redis.call('HSET', members, name, '-1:0') end
  redis.call('HSET', members, '', '-1:' .. redis.call('HINCRBY', meta, 'seq', 1))
end

if at[2] and at[6] == run then
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

local placed = {}
local first = number
for i = 8, #ARGV, 4 do
  local kind, text = ARGV[i], ARGV[i + 1]
  number = number + 1
  if kind == 'invalidate' then
    position = position + 1
  elseif kind == 'open' then
    redis.call('HSET', intents, ARGV[i + 2], ARGV[i + 3])
  else
    redis.call('HDEL', intents, ARGV[i + 2])
  end
  check = num(tonumber(string.sub(redis.sha1hex(check .. ' ' .. text), 1, 12), 16))
  redis.call('XADD', changes, 'MAXLEN', '~', ${KEPT}, num(number) .. '-0', 'p', num(position), 'c', check, 'v', text)
  placed[#placed + 1] = num(position)
end
if number > first then
  redis.call('HSET', meta, 'number', num(number), 'position', num(position), 'check', check)
  redis.call('PUBLISH', channel, 'to ' .. epoch .. ' ' .. num(number))
end

local before = redis.call('HGET', members, member)
local confirmed = before and tonumber(string.match(before, '^(-?%d+):')) or -1
local seq = before and string.match(before, ':(%d+)$') or '0'
if known and known > confirmed then confirmed = known end
if call == 'renew' then seq = num(redis.call('HINCRBY', meta, 'seq', 1)) end
if before or call == 'renew' then
  redis.call('HSET', members, member, num(confirmed) .. ':' .. seq)
  if known then redis.call('PUBLISH', channel, 'by ' .. epoch .. ' ' .. num(confirmed) .. ' ' .. member) end
end

local told, open, waits = {}, {}, {}
if known and number - known <= ${MOST_TOLD} then
  for _, entry in ipairs(redis.call('XRANGE', changes, num(known + 1) .. '-0', '+')) do
    told[#told + 1] = entry[2][2]
    told[#told + 1] = entry[2][6]
  end
else
  known = nil
  open = redis.call('HVALS', intents)
end
if call == 'append' then
  local all = redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    local theirs, their_seq = string.match(all[i + 1], '^(-?%d+):(%d+)$')
    if all[i] ~= member and tonumber(theirs) < number then
      waits[#waits + 1] = all[i]
      waits[#waits + 1] = their_seq
    end
  end
end
return { epoch, num(number), check, known and num(known) or '', num(position), told, open, placed, waits }
`;

/** KEYS: members. ARGV: name, seq. Its lease has run out, unless it was renewed since. */
export const DROP = `
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value and string.match(value, ':(%d+)$') == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
`;
