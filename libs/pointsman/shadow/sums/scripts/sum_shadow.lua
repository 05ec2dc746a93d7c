-- Add up the sums of many hours in the store, so that a window of months is one small response. Read-only.
--
-- KEYS     the sums to add, shadow:{<tier>}:<policy>:<hour>, in order of time
-- ARGV     1 number of keys per group, 2 length in bytes of the moments of this version; others are ignored
-- Returns  for each group a list: field, value, field, value, …; empty if the group has no data. 'moments' is float64,
--          little endian; 'bound' is the largest; every other value is a sum, as text with 17 digits
--
-- Idempotent because it only reads. It takes about 2 microseconds per field, so 20 per key with three arms and 2000 with
-- fifty; callers pass few keys at a time.

local size, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local n = wanted / 8
local form = '<' .. string.rep('d', n)
local groups = {}
for first = 1, #KEYS, size do
  local sums, moments, bound = {}, nil, nil
  for at = first, math.min(first + size - 1, #KEYS) do
    local fields = redis.call('HGETALL', KEYS[at])
    for i = 1, #fields, 2 do
      local name, value = fields[i], fields[i + 1]
      if name == 'moments' then
        if #value == wanted then
          local more = {struct.unpack(form, value)}
          if moments then
            for k = 1, n do moments[k] = moments[k] + more[k] end
          else
            moments = more
          end
        end
      elseif name == 'bound' then
        bound = math.max(bound or 0, tonumber(value))
      else
        sums[name] = (sums[name] or 0) + tonumber(value)
      end
    end
  end
  local group = {}
  if moments then
    group[1], group[2] = 'moments', struct.pack(form, unpack(moments, 1, n))
  end
  if bound then
    group[#group + 1] = 'bound'
    group[#group + 1] = string.format('%.17g', bound)
  end
  for name, sum in pairs(sums) do
    group[#group + 1] = name
    group[#group + 1] = string.format('%.17g', sum)
  end
  groups[#groups + 1] = group
end
return groups
