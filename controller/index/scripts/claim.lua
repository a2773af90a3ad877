-- Lease what is due: claim(token, limit, ahead ms, lease ms).
-- Replies 'invalid', or 'ok', now, the due time of the first ticket left ('' for none),
-- and for each leased ticket: ticket, generation, mark, what its timer fired last, namespace/name.
if not valid() then return { 'invalid' } end
local token, limit, ahead, duration = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
local reply = { 'ok', now, '' }

for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now + ahead, 'LIMIT', 0, limit)) do
  redis.call('ZREM', due, ticket)
  local known = read(ticket)
  -- A due time without a timer can only have been written by somebody else; there is nothing to look at.
  if known then
    redis.call('ZADD', leased, now + duration, ticket)
    redis.call('HSET', lease, ticket, token)
    -- The ticket of a run by hand begins with that of its timer.
    local timer = known
    if #ticket > TICKET_LENGTH then timer = read(string.sub(ticket, 1, TICKET_LENGTH)) end
    reply[#reply + 1] = { ticket, known.generation, known.mark, timer and timer.fired or 0, known.timer }
  end
end

local next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if next_due and next_due ~= 'inf' then reply[3] = string.format('%d', tonumber(next_due)) end
return reply
