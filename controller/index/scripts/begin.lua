-- Start a rebuild: begin(nonce). Replies the server's identity, and the keys that were of a foreign type.
-- An invalid index loses its times and leases, but keeps its marks: they only ever prevent a second run.
-- Redis keeps what is short in a list and searches it from the start, until something in it is longer than 64 bytes:
-- from then on no search depends on how many leases there are.
local LONG = string.rep('!', 65)
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
  redis.call('HSET', lease, SENTINEL, LONG)
  redis.call('HSET', tickets, SENTINEL, '')
end
redis.call('ZADD', due, NEVER, SENTINEL)
redis.call('ZADD', leased, NEVER, SENTINEL, NEVER, LONG)
redis.call('ZREM', leased, LONG)
return { identity(), foreign }
