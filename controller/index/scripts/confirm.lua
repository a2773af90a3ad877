-- Right before the side effect: may these still be fired?
-- confirm(ticket, token, generation, occurrence ms, ...): a word for each, 'ok' or why not.
local verdicts = {}
local usable, now = valid(), now_ms()

local function verdict(ticket, token, generation, occurrence)
  if not usable then return 'invalid' end
  if not held(ticket, token) then return 'lost' end
  if tonumber(redis.call('ZSCORE', leased, ticket) or 0) <= now then return 'expired' end
  local known = read(ticket)
  if not known then return 'gone' end
  if known.generation > generation then return 'edited' end
  if known.mark >= occurrence then return 'handled' end
  return 'ok'
end

for i = 1, #ARGV, 4 do
  verdicts[#verdicts + 1] = verdict(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]))
end
return verdicts
