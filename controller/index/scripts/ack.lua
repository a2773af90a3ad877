-- Done with these: ack(ticket, token, generation, mark ms, next ms or '', report or '', ...).
-- Replies for each whether the lease was still ours. What was done is done: the mark rises either way.
local replies = {}
for i = 1, #ARGV, 6 do
  local ticket, token, generation, mark = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local known, mine = read(ticket), held(ticket, token)
  if known then
    -- An older generation cannot speak of when to look next: the edit that came since did.
    local current = generation >= known.generation
    known.mark = math.max(known.mark, mark)
    if mine then
      known.generation = math.max(known.generation, generation)
      schedule(ticket, current and ARGV[i + 4] or now_ms())
      release(ticket)
    end
    write(ticket, known)
    report(ARGV[i + 5])
  end
  replies[#replies + 1] = (known and mine) and 1 or 0
end
return replies
