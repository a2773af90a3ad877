-- Forget tickets whose timers no longer exist: remove(ticket, ...).
for _, ticket in ipairs(ARGV) do
  if ticket ~= SENTINEL then
    release(ticket)
    redis.call('ZREM', due, ticket)
    redis.call('HDEL', tickets, ticket)
  end
end
return #ARGV
