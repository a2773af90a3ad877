-- End a rebuild: finish(nonce, identity at its begin). Replies 1, or 0 where the work was overtaken: by another
-- rebuild, by a server that is not the one it was done on, or by the loss of a key.
if redis.call('GET', building) ~= ARGV[1] then return 0 end
redis.call('SET', epoch, ARGV[2] .. ':' .. ARGV[1])
if not valid() then
  redis.call('DEL', epoch)
  return 0
end
redis.call('DEL', building)
redis.call('PUBLISH', due, 0)
return 1
