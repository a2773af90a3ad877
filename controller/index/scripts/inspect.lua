-- How the index stands: inspect(). Replies validity (1 or 0), now, tickets, due now, time of the oldest due ('' for
-- none), leased. The sentinels do not count. A stream of a foreign type does not stop claims, but calls for a rebuild.
local now = now_ms()

local function count(verb, ...)
  local reply = redis.pcall(verb, ...)
  return type(reply) == 'number' and reply or 0
end

local head = redis.pcall('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)
local oldest = number(head[2])
return {
  valid() and is_of_type(outcomes, 'stream') and 1 or 0, now,
  math.max(count('HLEN', tickets) - 1, 0),
  count('ZCOUNT', due, '-inf', now), oldest and format('%d', math.max(math.floor(oldest), 0)) or '',
  math.max(count('ZCARD', leased) - 1, 0),
}
