-- Read what a tier has learned since a watermark, all of one moment.
--
-- KEYS[1]  tier:{<tier>}
-- ARGV[1]  prefix of the keys of the tier's arms: arm:{<tier>}:
-- ARGV[2]  the reader's epoch ('' for none)
-- ARGV[3]  the reader's watermark; arms with a version above it are returned (all, when epoch or generation differ)
-- ARGV[4]  the reader's generation ('' for none)
-- ARGV[5…] the fields of an arm to return
-- returns  {epoch, watermark, as_of_ms, ranges, decision_high, watermark_at_ms, generation,
--           arm, its fields, arm, its fields, ...}
-- Read-only. The arms' keys are built here, from names in the tier's hash; they share its slot.

local head = redis.call('HMGET', KEYS[1], 'epoch', 'watermark', 'as_of_ms', 'ranges', 'decision_high',
  'watermark_at_ms', 'generation')
local epoch = head[1] or ''
local since = tonumber(ARGV[3])
if epoch ~= ARGV[2] or (head[7] or '') ~= ARGV[4] then since = 0 end

local reply = {epoch, head[2] or '0', head[3] or '0', head[4] or '', head[5] or '0', head[6] or '0', head[7] or ''}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 4) == 'arm:' and tonumber(fields[i + 1]) > since then
    local name = string.sub(fields[i], 5)
    local arm = redis.call('HMGET', ARGV[1] .. name, unpack(ARGV, 5))
    reply[#reply + 1] = name
    for j = 1, #ARGV - 4 do reply[#reply + 1] = arm[j] or '' end
  end
end
return reply
