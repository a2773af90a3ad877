-- The timers of these tickets are gone, as a consistent read has said: drop(ticket, token, ...).
-- Replies for each whether the lease was still ours; without it nothing happens.
local replies = {}
for i = 1, #ARGV, 2 do
  local ticket, mine = ARGV[i], held(ARGV[i], ARGV[i + 1])
  if mine then
    release(ticket)
    redis.call('HDEL', tickets, ticket)
  end
  replies[#replies + 1] = mine and 1 or 0
end
return replies
