-- Make every commit to a tier fail, so that its keys can be deleted.
--
-- KEYS[1]  tier:{<tier>}
-- ARGV[1]  the epoch that marks a tier as being reset
-- returns  1
-- Idempotent: no commit expects this epoch, so the compare of every writer fails.

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'watermark', '0')
return 1
