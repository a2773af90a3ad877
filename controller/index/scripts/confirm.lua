-- Right before the side effect: may these still be fired?
-- confirm(ticket, token, generation, occurrence ms, rival or '', ...): a word for each, 'ok' or why not.
-- The rival is another ticket of the same timer that must not be held at the same time: whether one run is active is
-- asked of the API server, and two that ask at once would both see none.
local verdicts = {}
local usable, now = valid(), now_ms()

local function verdict(ticket, token, generation, occurrence, rival)
  if not usable then return 'invalid' end
  if not held(ticket, token) then return 'lost' end
  if tonumber(redis.call('ZSCORE', leased, ticket) or 0) <= now then return 'expired' end
  local known = read(ticket)
  if not known then return 'gone' end
  if known.generation > generation then return 'edited' end
  if known.mark >= occurrence then return 'handled' end
  if rival ~= '' and redis.call('HEXISTS', lease, rival) == 1 then return 'busy' end
  return 'ok'
end

for i = 1, #ARGV, 5 do
  local generation, occurrence = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  verdicts[#verdicts + 1] = verdict(ARGV[i], ARGV[i + 1], generation, occurrence, ARGV[i + 4])
end
return verdicts
