-- Add a batch of shadow results to the report's hourly sums: all of it, or nothing.
--
-- KEYS[1]  shadow:{<tier>}:@progress
-- KEYS[2…] the hourly sums that change: shadow:{<tier>}:<policy>:<hour>
-- ARGV     1 watermark the batch was computed from, 2 watermark after it, 3 seconds to keep an hour,
--          then for each hour: number of sums, field, increment, field, increment, ...
-- returns  {1, watermark} when added; {0, watermark} as it is when it was not the expected one
--
-- Idempotent by the compare, as commit_outcomes.lua. No sum can refuse its increment: this script alone writes them, and
-- the caller's increments are finite. The watermark moves first all the same: should a sum have been damaged by hand, a
-- batch would be missing from a report, rather than be added again and again.

local watermark = redis.call('HGET', KEYS[1], 'watermark') or '0'
if watermark ~= ARGV[1] then return {0, watermark} end
redis.call('HSET', KEYS[1], 'watermark', ARGV[2])
local at = 4
for key = 2, #KEYS do
  local sums = tonumber(ARGV[at])
  for i = 1, sums do redis.call('HINCRBYFLOAT', KEYS[key], ARGV[at + 2 * i - 1], ARGV[at + 2 * i]) end
  redis.call('EXPIRE', KEYS[key], ARGV[3])
  at = at + 2 * sums + 1
end
return {1, ARGV[2]}
