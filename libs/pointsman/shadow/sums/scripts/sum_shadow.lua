-- Add up the sums of many hours where they are, so that a window of months is one small answer. Changes nothing.
--
-- KEYS     the sums to add, shadow:{<tier>}:<policy>:<hour>, in order of time
-- ARGV     1 how many of them make one group, 2 bytes of the moments of this version; others are left out
-- returns  for each group a list: field, value, field, value, ...; empty where there is nothing. 'moments' is float64, little
--          endian; 'bound' is the largest; everything else is a sum, as text with 17 digits
--
-- Idempotent: it only reads. Some 2 microseconds a field, 20 a key with three arms, 2000 with fifty: for few keys at once.

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
