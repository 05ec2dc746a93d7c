-- Acquire a lease, or renew it.
--
-- KEYS[1]  lease:{<tier>} (or lease:{<tier>}:<role>)
-- ARGV[1]  the holder's name, ARGV[2] milliseconds until it expires
-- returns  1 when the caller holds it now, 0 when another process does
-- Idempotent: a repetition only extends the lease.

if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
return 0
