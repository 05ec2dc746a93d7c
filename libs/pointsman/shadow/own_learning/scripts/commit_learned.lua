-- Commit what a shadow policy with its own reward rule has learned, atomically.
--
-- KEYS[1]  shadow:{<tier>}:<policy>:learned
-- ARGV     1 origin: the log and the rule that it was learned from, 2 expected watermark, 3 watermark after the commit,
--          4 seconds to keep it, then field, value, field, value, …
-- Returns  {1, watermark} when committed; {0, watermark} when the stored watermark is not the expected one
--
-- A commit with another origin replaces everything: then the expected watermark is 0, and the old data is deleted in the
-- same step. Idempotent because a second call finds the watermark moved. All data is in one hash, so that it expires
-- together.

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
