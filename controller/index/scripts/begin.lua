-- Start a rebuild: begin(nonce). Replies the server's identity, and the keys that were of a foreign type.
-- An invalid index loses its times and leases, but keeps its marks: they only ever prevent a second run.
local foreign = {}
local types = { [due] = 'zset', [leased] = 'zset', [lease] = 'hash', [tickets] = 'hash', [outcomes] = 'stream' }
for key, wanted in pairs(types) do
  if not is_of_type(key, wanted) then
    redis.call('DEL', key)
    foreign[#foreign + 1] = key
  end
end
redis.call('SET', building, ARGV[1])
if not valid() then
  redis.call('DEL', epoch, due, leased, lease)
  redis.call('HSET', lease, SENTINEL, '')
  redis.call('HSET', tickets, SENTINEL, '')
end
redis.call('ZADD', due, NEVER, SENTINEL)
redis.call('ZADD', leased, NEVER, SENTINEL)
return { identity(), foreign }
