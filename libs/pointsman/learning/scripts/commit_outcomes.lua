-- Apply a batch of outcomes to a tier: all of it, or nothing.
--
-- KEYS[1]  tier:{<tier>}
-- KEYS[2…] the keys of the changed arms, then of the changed applied bitmaps, then of the changed outcome indexes
-- ARGV     1 epoch, 2 watermark the batch was computed from, 3 watermark after it, 4 as_of_ms, 5 ranges,
--          6 decision_high, 7 watermark_at_ms, 8 seconds to keep an outcome index,
--          9 generation: a name for what begins, should this be the tier's first commit,
--          10 number of arms, then for each: arm, A, b, n, reward_sum, cost_n, cost_sum_usd, version, updated_at_ms, dim
--          number of bitmaps, then for each: number of bits, bit, bit, ...
--          number of indexes, then for each: number of entries, field, value, field, value, ...
-- returns  {1, epoch, watermark} when applied; {0, epoch, watermark} as they are when they were not the expected ones
--
-- Idempotent by the compare: the watermark moves in the same step as everything else, so a batch that comes again, or
-- from a writer that has been overtaken, no longer finds the watermark it was computed from, and changes nothing.

local head = redis.call('HMGET', KEYS[1], 'epoch', 'watermark')
local epoch, watermark = head[1] or '', head[2] or '0'
if watermark ~= ARGV[2] or (epoch ~= ARGV[1] and not (epoch == '' and watermark == '0')) then
  return {0, epoch, watermark}
end

redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'watermark', ARGV[3], 'as_of_ms', ARGV[4], 'ranges', ARGV[5],
  'decision_high', ARGV[6], 'watermark_at_ms', ARGV[7])
if epoch == '' then redis.call('HSET', KEYS[1], 'generation', ARGV[9]) end
local key, at = 2, 10
local arms = tonumber(ARGV[at]); at = at + 1
for _ = 1, arms do
  redis.call('HSET', KEYS[key], 'A', ARGV[at + 1], 'b', ARGV[at + 2], 'n', ARGV[at + 3], 'reward_sum', ARGV[at + 4],
    'cost_n', ARGV[at + 5], 'cost_sum_usd', ARGV[at + 6], 'version', ARGV[at + 7], 'updated_at_ms', ARGV[at + 8],
    'dim', ARGV[at + 9])
  redis.call('HSET', KEYS[1], 'arm:' .. ARGV[at], ARGV[at + 7])
  key, at = key + 1, at + 10
end
local bitmaps = tonumber(ARGV[at]); at = at + 1
for _ = 1, bitmaps do
  local bits = tonumber(ARGV[at])
  for i = 1, bits do redis.call('SETBIT', KEYS[key], ARGV[at + i], 1) end
  key, at = key + 1, at + bits + 1
end
local indexes = tonumber(ARGV[at]); at = at + 1
for _ = 1, indexes do
  local entries = tonumber(ARGV[at])
  for i = 1, entries do redis.call('HSET', KEYS[key], ARGV[at + 2 * i - 1], ARGV[at + 2 * i]) end
  redis.call('EXPIRE', KEYS[key], ARGV[8])
  key, at = key + 1, at + 2 * entries + 1
end
return {1, ARGV[1], ARGV[3]}
