-- End a rebuild: finish(nonce, identity at its begin). Replies 1, or 0 where the work was overtaken:
-- by another rebuild, or by a server that is not the one it was done on.
if redis.call('GET', building) ~= ARGV[1] or identity() ~= ARGV[2] then return 0 end
local previous = redis.call('GET', epoch)
redis.call('SET', epoch, ARGV[2] .. ':' .. ARGV[1])
if not valid() then
  if previous then redis.call('SET', epoch, previous) else redis.call('DEL', epoch) end
  return 0
end
redis.call('DEL', building)
redis.call('PUBLISH', due, 0)
return 1
