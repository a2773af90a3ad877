-- Put tickets whose lease has run out back to due: reap(limit, longest lease ms). Replies how many, or -1 if invalid.
-- A lease far in the future was written before the clock was set back, and would last until then.
if not valid() then return -1 end
local limit, now = tonumber(ARGV[1]), now_ms()

local function reap(from, to)
  local reaped = 0
  -- One more, as the sentinel may be among them.
  for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', leased, from, to, 'LIMIT', 0, limit + 1)) do
    if ticket == SENTINEL then
      redis.call('ZADD', leased, NEVER, SENTINEL)
    elseif reaped < limit then
      reaped = reaped + 1
      release(ticket)
      if read(ticket) then schedule(ticket, now) end
    end
  end
  return reaped
end

return reap('-inf', now) + reap('(' .. format('%d', now + tonumber(ARGV[2])), NEVER)
