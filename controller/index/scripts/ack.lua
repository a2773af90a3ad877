-- Done with these: ack(ticket, token, generation, mark ms, fired ms or 0, next ms or '', reports or '', ...).
-- Replies for each whether the lease was still ours. What was done is done: the mark rises either way.
local replies = {}
for i = 1, #ARGV, 7 do
  local ticket, token, generation = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local known, mine = read(ticket), held(ticket, token)
  if known then
    -- An older generation cannot speak of when to look next: the edit that came since did.
    local current = generation >= known.generation
    raise(known, tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]))
    if mine then
      known.generation = math.max(known.generation, generation)
      schedule(ticket, current and ARGV[i + 5] or now_ms())
      release(ticket)
    end
    write(ticket, known)
    report(ARGV[i + 6])
  end
  replies[#replies + 1] = (known and mine) and 1 or 0
end
return replies
