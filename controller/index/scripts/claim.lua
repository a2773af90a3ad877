-- Lease what is due: claim(token, limit, ahead ms, lease ms).
-- Replies 'invalid', or 'ok', now, the due time of the first ticket left ('' for none), how much was removed that is
-- no ticket, and for each leased ticket: ticket, generation, mark, what its timer fired last, namespace/name.
if not valid() then return { 'invalid' } end
local MOST_PAGES = 10
local token, limit, ahead, duration = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
local last, expiry = format('%d', now + ahead), format('%d', now + duration)
local reply, removed = { 'ok', now, '', 0 }, 0
local room = limit

-- A due time without a timer can only have been written by somebody else; there is nothing to look at.
local function take(ticket, text, expiries, holders)
  local generation, mark, fired, timer = parse(ticket, text)
  if not generation then
    removed = removed + 1
    if ticket == SENTINEL then schedule(ticket, NEVER) end
    return
  end
  add_pair(expiries, expiry, ticket)
  add_pair(holders, ticket, token)
  if #ticket > TICKET_LENGTH then
    -- The ticket of a run by hand begins with that of its timer.
    local known = read(string.sub(ticket, 1, TICKET_LENGTH))
    fired = known and known.fired or 0
  end
  reply[#reply + 1] = { ticket, tonumber(generation), tonumber(mark), tonumber(fired), timer }
  room = room - 1
end

-- What is removed leaves room for others, but not without end: everybody waits for a script.
for _ = 1, MOST_PAGES do
  local page = redis.call('ZRANGEBYSCORE', due, '-inf', last, 'LIMIT', 0, room)
  local texts, expiries, holders = ask_about('HMGET', tickets, page), {}, {}
  -- The page is what comes first of all that is due.
  if #page > 0 then redis.call('ZREMRANGEBYRANK', due, 0, #page - 1) end
  for i, ticket in ipairs(page) do take(ticket, texts[i], expiries, holders) end
  call_with('ZADD', leased, expiries)
  call_with('HSET', lease, holders)
  if #page == 0 or room <= 0 then break end
end

local next_due = number(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2])
if next_due and next_due <= LATEST_MS then reply[3] = format('%d', math.max(math.floor(next_due), 0)) end
reply[4] = removed
return reply
