-- Look at these again, not before a time: retry(ticket, token, mark ms, not-before ms, reports or '', ...).
-- The mark covers what was decided on the way, never the occurrence that is to be tried again.
-- Replies for each whether the lease was still ours; without it nothing happens.
local replies = {}
for i = 1, #ARGV, 5 do
  local ticket, token, mark = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local known, mine = read(ticket), held(ticket, token)
  if known and mine then
    raise(known, mark, 0)
    write(ticket, known)
    schedule(ticket, ARGV[i + 3])
    release(ticket)
    report(ARGV[i + 4])
  end
  replies[#replies + 1] = (known and mine) and 1 or 0
end
return replies
