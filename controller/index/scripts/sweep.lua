-- Go through one of the data keys, and remove what no script can have left there: sweep(name, cursor, count).
-- Replies the next cursor, how much was removed, and of 'tickets' what stays: ticket, generation, mark and
-- what fired last of each.
local name, removed, rows = ARGV[1], 0, {}
local keys = { tickets = tickets, due = due, leased = leased, lease = lease }

local wrong = {
  tickets = function(ticket)
    local known = read(ticket)
    if not known then return true end
    rows[#rows + 1] = { ticket, known.generation, known.mark, known.fired }
  end,
  -- Scripts write all of these together: one without the other was not written by any.
  due = function(ticket)
    return redis.call('HEXISTS', tickets, ticket) == 0 or redis.call('HEXISTS', lease, ticket) == 1
  end,
  leased = function(ticket)
    return redis.call('HEXISTS', tickets, ticket) == 0 or redis.call('HEXISTS', lease, ticket) == 0
  end,
  lease = function(ticket) return not redis.call('ZSCORE', leased, ticket) end,
}
local remove = {
  tickets = forget,
  due = function(ticket) redis.call('ZREM', due, ticket) end,
  leased = release,
  lease = release,
}

local scan = (name == 'due' or name == 'leased') and 'ZSCAN' or 'HSCAN'
local page = redis.call(scan, keys[name], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do
  local ticket = page[2][i]
  if ticket ~= SENTINEL and wrong[name](ticket) then
    remove[name](ticket)
    removed = removed + 1
  end
end
return { page[1], removed, rows }
