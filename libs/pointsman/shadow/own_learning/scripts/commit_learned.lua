-- Commit what a shadow policy with a rule of its own has learned: all of it, or nothing.
--
-- KEYS[1]  shadow:{<tier>}:<policy>:learned
-- ARGV     1 origin: which log and rule it was learned from, 2 watermark it was computed from, 3 watermark after it,
--          4 seconds to keep it, then field, value, field, value, ...
-- returns  {1, watermark} when committed; {0, watermark} as it is when it was not the expected one
--
-- Another origin begins from nothing: then the expected watermark is 0, and what was there goes in the same step.
-- Idempotent by the compare, as commit_outcomes.lua. All is in one hash, so that it expires as one.

local head = redis.call('HMGET', KEYS[1], 'origin', 'watermark')
local origin, watermark = head[1] or '', head[2] or '0'
if origin ~= ARGV[1] then
  if ARGV[2] ~= '0' then return {0, watermark} end
  redis.call('UNLINK', KEYS[1])
elseif watermark ~= ARGV[2] then
  return {0, watermark}
end
redis.call('HSET', KEYS[1], 'origin', ARGV[1], 'watermark', ARGV[3])
for at = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {1, ARGV[3]}
