-- How the index stands: inspect(). Replies validity (1 or 0), now, tickets, due now, time of the oldest due ('' for
-- none), leased. The sentinels do not count.
local now = now_ms()
local oldest = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)[2]
return {
  valid() and 1 or 0, now,
  math.max(redis.call('HLEN', tickets) - 1, 0),
  redis.call('ZCOUNT', due, '-inf', now), oldest or '',
  math.max(redis.call('ZCARD', leased) - 1, 0),
}
