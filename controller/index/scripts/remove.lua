-- Forget tickets whose timers no longer exist: remove(ticket, ...).
for _, ticket in ipairs(ARGV) do
  if ticket ~= SENTINEL then forget(ticket) end
end
return #ARGV
