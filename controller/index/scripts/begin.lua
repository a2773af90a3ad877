-- Start a rebuild: begin(nonce). Replies the server's identity.
-- An invalid index loses its times and leases, but keeps its marks: they only ever prevent a second run.
redis.call('SET', building, ARGV[1])
if not valid() then
  redis.call('DEL', epoch, due, leased, lease)
  redis.call('ZADD', due, NEVER, SENTINEL)
  redis.call('ZADD', leased, NEVER, SENTINEL)
  redis.call('HSET', lease, SENTINEL, '')
  redis.call('HSET', tickets, SENTINEL, '')
end
return identity()
