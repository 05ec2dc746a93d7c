-- Apply a batch of outcomes to a tier: all of it, or nothing.
--
-- KEYS[1]  tier:{<tier>}
-- KEYS[2…] keys of the changed arms, then of the changed applied bitmaps, then of the changed outcome indexes
-- ARGV[1]  the batch, a msgpack map:
--            epoch, watermark, as_of_ms, ranges, decision_high, watermark_at_ms   new values of the tier's fields
--            expected_watermark   the watermark that the batch was computed from
--            generation           set if this is the tier's first commit, or it was relearned
--            relearned            whether all arms were learned again from the log
--            keep_outcomes_s      seconds to keep an outcome index
--            arms                 for each arm key: name, version, fields = {field, value, field, value, ...}
--            bitmaps              for each bitmap key: the bits to set
--            indexes              for each index key: {field, value, field, value, ...}
-- returns  {1, watermark} when applied; {0, watermark} with the present one when epoch and watermark are not the expected
--
-- Idempotent by the compare: the watermark changes in the same step as everything else. A batch that is sent again, or by
-- a writer that was overtaken, no longer finds the watermark that it was computed from, and changes nothing.

local batch = cmsgpack.unpack(ARGV[1])
local head = redis.call('HMGET', KEYS[1], 'epoch', 'watermark')
local epoch, watermark = head[1] or '', head[2] or '0'
if watermark ~= batch.expected_watermark or (epoch ~= batch.epoch and not (epoch == '' and watermark == '0')) then
  return {0, watermark}
end

redis.call('HSET', KEYS[1], 'epoch', batch.epoch, 'watermark', batch.watermark, 'as_of_ms', batch.as_of_ms,
  'ranges', batch.ranges, 'decision_high', batch.decision_high, 'watermark_at_ms', batch.watermark_at_ms)
if epoch == '' or batch.relearned then redis.call('HSET', KEYS[1], 'generation', batch.generation) end
local key = 1
for _, arm in ipairs(batch.arms) do
  key = key + 1
  redis.call('HSET', KEYS[key], unpack(arm.fields))
  redis.call('HSET', KEYS[1], 'arm:' .. arm.name, arm.version)
end
for _, bits in ipairs(batch.bitmaps) do
  key = key + 1
  for _, bit in ipairs(bits) do redis.call('SETBIT', KEYS[key], bit, 1) end
end
for _, entries in ipairs(batch.indexes) do
  key = key + 1
  redis.call('HSET', KEYS[key], unpack(entries))
  redis.call('EXPIRE', KEYS[key], batch.keep_outcomes_s)
end
return {1, batch.watermark}
