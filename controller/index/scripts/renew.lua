-- Extend leases: renew(lease ms, ticket, token, ...). Replies for each whether it is still ours.
-- An expired lease that nobody has reaped yet is given up all the same: others may act on its expiry.
local replies, now = {}, now_ms()
for i = 2, #ARGV, 2 do
  local ticket = ARGV[i]
  local mine = held(ticket, ARGV[i + 1]) and number(redis.call('ZSCORE', leased, ticket) or 0) > now
  if mine then redis.call('ZADD', leased, now + tonumber(ARGV[1]), ticket) end
  replies[#replies + 1] = mine and 1 or 0
end
return replies
