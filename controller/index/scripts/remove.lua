-- Forget tickets whose timers no longer exist: remove(count, namespace ..., ticket, ...).
-- None of timers in so many namespaces first: of these nobody knows.
local first = tonumber(ARGV[1]) + 2
local kept = {}
for i = 2, first - 1 do kept[ARGV[i]] = true end

local function is_kept(ticket)
  local known = read(ticket)
  return known and kept[match(known.timer, '^[^/]+')]
end

for i = first, #ARGV do
  local ticket = ARGV[i]
  if ticket ~= SENTINEL and not (first > 2 and is_kept(ticket)) then forget(ticket) end
end
return #ARGV - first + 1
