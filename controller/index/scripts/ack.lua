-- Done with these: ack(ticket, token, generation, mark ms, fired ms or 0, next ms or '', reports or '', ...).
-- Replies for each whether the lease was still ours. What was done is done: the mark rises either way.
local replies, n = {}, 0
local all, now = tickets_of(7), format('%d', now_ms())
local texts, holders = ask_about('HMGET', tickets, all), ask_about('HMGET', lease, all)
-- What became of a ticket, should it come again.
local written, released = {}, {}
local unscheduled, scheduled, changes, ended, reports = {}, {}, {}, {}, {}

for i = 1, #ARGV, 7 do
  n = n + 1
  local ticket, token, wanted = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local done, fires, at, lines = ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local generation, mark, fired, timer = parse(ticket, written[ticket] or texts[n])
  local mine = generation and holders[n] == token and not released[ticket]
  if generation then
    mark, fired = larger(mark, done), larger(fired, fires)
    if mine then
      -- An older generation cannot speak of when to look next: the edit that came since did.
      local current = larger(generation, wanted) == wanted
      if not current then at = now end
      if at == '' then unscheduled[#unscheduled + 1] = ticket else add_pair(scheduled, at, ticket) end
      generation = larger(generation, wanted)
      ended[#ended + 1], released[ticket] = ticket, true
    end
    written[ticket] = text_of(generation, mark, fired, timer)
    add_pair(changes, ticket, written[ticket])
    if lines ~= '' then reports[#reports + 1] = lines end
  end
  replies[n] = mine and 1 or 0
end

-- Released last: until then a failure leaves the ticket to whoever reaps.
call_with('ZREM', due, unscheduled)
call_with('ZADD', due, scheduled)
call_with('HSET', tickets, changes)
call_with('ZREM', leased, ended)
call_with('HDEL', lease, ended)
for _, lines in ipairs(reports) do report(lines) end
return replies
