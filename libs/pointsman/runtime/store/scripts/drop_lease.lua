-- Release a lease, if the caller holds it.
--
-- KEYS[1]  lease:{<tier>} (or lease:{<tier>}:<role>)
-- ARGV[1]  the holder's name
-- returns  1 when it was released, 0 when the caller did not hold it
-- Idempotent.

if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
