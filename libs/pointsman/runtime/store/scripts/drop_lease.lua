-- Give a lease back, if it is still the caller's.
--
-- KEYS[1]  lease:{<tier>} (or lease:{<tier>}:<role>)
-- ARGV[1]  the holder's name
-- returns  1 when it was given back, 0 when it was not the caller's
-- Idempotent.

if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
