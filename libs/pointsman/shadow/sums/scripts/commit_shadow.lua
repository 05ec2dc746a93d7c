-- Commit a batch of shadow results, of decisions or of rewards: all of it, or nothing.
--
-- KEYS[1]  shadow:{<tier>}:@progress
-- KEYS[2…] the hourly sums that change, shadow:{<tier>}:<policy>:<hour>, those of policies each followed by its day's, to
--          which the same is added, shadow:{<tier>}:<policy>:day:<day>; then the picks that are added to, those that
--          are taken from, and those that go, shadow:{<tier>}:<policy>:picks:<chunk>
-- ARGV     1 field of the progress that says how far this reader is, 2 its value that the batch was computed from,
--          3 its value afterwards, 4 seconds to keep picks,
--          number of further fields of the progress, then for each: field, value ('' takes the field away)
--          number of hours, then for each: seconds to keep it (its day is kept a day longer), 1 if its day's key follows
--          its own or 0, moments (float64, little endian; '' for none), bound ('' for none), number of sums, then for each:
--          field, increment
--          number of picks added to, then for each: number of entries, field, value, field, value, ...
--          number of picks taken from, then for each: number of entries, field, field, ...
-- returns  {1, value} when committed; {0, value} as it is when it was not the expected one
--
-- Idempotent by the compare, as commit_outcomes.lua. No sum can refuse its increment: this script alone writes them, and
-- the caller's increments are finite. The compared field moves first all the same: should a sum have been damaged by hand,
-- a batch would be missing from a report, rather than be added again and again.

local position = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
if position ~= ARGV[2] then return {0, position} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])

-- The sum of two vectors, number by number. One of another length is of another version, and is begun anew.
local function add(before, more)
  if not before or #before ~= #more then return more end
  local n = #more / 8
  local form = '<' .. string.rep('d', n)
  local sums, increments = {struct.unpack(form, before)}, {struct.unpack(form, more)}
  for i = 1, n do sums[i] = sums[i] + increments[i] end
  return struct.pack(form, unpack(sums, 1, n))
end

local key, at = 2, 5
local count = tonumber(ARGV[at]); at = at + 1
for _ = 1, count do
  if ARGV[at + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[at])
  else
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  end
  at = at + 2
end
local hours = tonumber(ARGV[at]); at = at + 1
for _ = 1, hours do
  local keep, days, moments, bound, sums = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3],
    tonumber(ARGV[at + 4])
  at = at + 5
  for to = key, key + days do
    if moments ~= '' then
      redis.call('HSET', KEYS[to], 'moments', add(redis.call('HGET', KEYS[to], 'moments'), moments))
    end
    if bound ~= '' and tonumber(bound) > tonumber(redis.call('HGET', KEYS[to], 'bound') or '0') then
      redis.call('HSET', KEYS[to], 'bound', bound)
    end
    for i = 1, sums do redis.call('HINCRBYFLOAT', KEYS[to], ARGV[at + 2 * i - 2], ARGV[at + 2 * i - 1]) end
    redis.call('EXPIRE', KEYS[to], keep + 86400 * (to - key))
  end
  key, at = key + 1 + days, at + 2 * sums
end
local added = tonumber(ARGV[at]); at = at + 1
for _ = 1, added do
  local entries = tonumber(ARGV[at])
  for i = 1, entries do redis.call('HSET', KEYS[key], ARGV[at + 2 * i - 1], ARGV[at + 2 * i]) end
  redis.call('EXPIRE', KEYS[key], ARGV[4])
  key, at = key + 1, at + 2 * entries + 1
end
local taken = tonumber(ARGV[at]); at = at + 1
for _ = 1, taken do
  local entries = tonumber(ARGV[at])
  for i = 1, entries do redis.call('HDEL', KEYS[key], ARGV[at + i]) end
  key, at = key + 1, at + entries + 1
end
for gone = key, #KEYS do redis.call('UNLINK', KEYS[gone]) end
return {1, ARGV[3]}
