-- Lease what is due: claim(token, limit, ahead ms, lease ms).
-- Replies 'invalid', or 'ok', now, the due time of the first ticket left ('' for none), how much was removed that is
-- no ticket, and for each leased ticket: ticket, generation, mark, what its timer fired last, namespace/name.
if not valid() then return { 'invalid' } end
local MOST_PAGES = 10
local token, limit, ahead, duration = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
local rows, removed = {}, 0

-- A due time without a timer can only have been written by somebody else; there is nothing to look at.
local function take(ticket)
  redis.call('ZREM', due, ticket)
  local known = read(ticket)
  if not known then
    removed = removed + 1
    if ticket == SENTINEL then schedule(ticket, NEVER) end
    return
  end
  redis.call('ZADD', leased, now + duration, ticket)
  redis.call('HSET', lease, ticket, token)
  -- The ticket of a run by hand begins with that of its timer.
  local timer = known
  if #ticket > TICKET_LENGTH then timer = read(string.sub(ticket, 1, TICKET_LENGTH)) end
  rows[#rows + 1] = { ticket, known.generation, known.mark, timer and timer.fired or 0, known.timer }
end

-- What is removed leaves room for others, but not without end: everybody waits for a script.
for _ = 1, MOST_PAGES do
  local page = redis.call('ZRANGEBYSCORE', due, '-inf', now + ahead, 'LIMIT', 0, limit - #rows)
  for _, ticket in ipairs(page) do take(ticket) end
  if #page == 0 or #rows >= limit then break end
end

local next_due = number(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2])
local shown = next_due and next_due <= LATEST_MS and string.format('%d', math.max(math.floor(next_due), 0)) or ''
return { 'ok', now, shown, removed, unpack(rows) }
