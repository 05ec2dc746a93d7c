-- Commit one batch of the shadow evaluation, of decisions or of rewards, atomically.
--
-- KEYS[1]  shadow:{<tier>}:@progress
-- KEYS[2…] the other keys that the batch changes; the argument refers to each by its index in KEYS:
--          shadow:{<tier>}:<policy>:<hour>, shadow:{<tier>}:<policy>:day:<day>, shadow:{<tier>}:<policy>:picks:<chunk>
-- ARGV[1]  a msgpack map:
--          position     field of the progress that holds the position of this reader
--          expected     the position that the batch was computed from, as text
--          reached      the position after the batch, as text
--          progress     map of field to value: further fields of the progress; '' deletes the field
--          sums         array of {targets, moments, bound, counts}:
--                       targets  array of {key, seconds to keep it}: an hour and, for a policy, its day
--                       moments  vector to add (float64, little endian); '' for none
--                       bound    lower limit of the stored maximum, as text; '' for none
--                       counts   map of field to increment, as text so that no digit is lost
--          picks        array of {key, map of field to value}: picks to store
--          picks_ttl_s  seconds to keep them
--          used         array of {key, array of fields}: picks to delete
--          dropped      array of keys: chunks of picks to unlink
-- Returns  {1, position} when committed; {0, position} when the stored position is not the expected one
--
-- Idempotent because the batch is applied only at the expected position and moves the position, so that a second call
-- changes nothing. No increment can fail: only this script writes the sums, and the increments are finite. The position
-- is moved first, so that a sum that was damaged by hand makes a batch missing from a report, not counted repeatedly.

local batch = cmsgpack.unpack(ARGV[1])
local position = redis.call('HGET', KEYS[1], batch.position) or '0'
if position ~= batch.expected then return {0, position} end
redis.call('HSET', KEYS[1], batch.position, batch.reached)

-- Return the sum of two vectors. A stored vector of another length is of another version and is replaced.
local function add(stored, increments)
  if not stored or #stored ~= #increments then return increments end
  local n = #increments / 8
  local form = '<' .. string.rep('d', n)
  local sums, added = {struct.unpack(form, stored)}, {struct.unpack(form, increments)}
  for i = 1, n do sums[i] = sums[i] + added[i] end
  return struct.pack(form, unpack(sums, 1, n))
end

for field, value in pairs(batch.progress) do
  if value == '' then
    redis.call('HDEL', KEYS[1], field)
  else
    redis.call('HSET', KEYS[1], field, value)
  end
end
for _, entry in ipairs(batch.sums) do
  local targets, moments, bound, counts = unpack(entry)
  for _, target in ipairs(targets) do
    local key, ttl_s = KEYS[target[1]], target[2]
    if moments ~= '' then
      redis.call('HSET', key, 'moments', add(redis.call('HGET', key, 'moments'), moments))
    end
    if bound ~= '' and tonumber(bound) > tonumber(redis.call('HGET', key, 'bound') or '0') then
      redis.call('HSET', key, 'bound', bound)
    end
    for field, increment in pairs(counts) do redis.call('HINCRBYFLOAT', key, field, increment) end
    redis.call('EXPIRE', key, ttl_s)
  end
end
for _, entry in ipairs(batch.picks) do
  local key = KEYS[entry[1]]
  for field, value in pairs(entry[2]) do redis.call('HSET', key, field, value) end
  redis.call('EXPIRE', key, batch.picks_ttl_s)
end
for _, entry in ipairs(batch.used) do
  for _, field in ipairs(entry[2]) do redis.call('HDEL', KEYS[entry[1]], field) end
end
for _, key in ipairs(batch.dropped) do redis.call('UNLINK', KEYS[key]) end
return {1, batch.reached}
