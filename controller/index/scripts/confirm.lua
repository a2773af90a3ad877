-- Right before the side effect: may these still be fired?
-- confirm(ticket, token, generation, occurrence ms, rival or '', noted ms or 0, mark ms or 0, reports or '', ...): a word
-- for each, 'ok' or why not.
-- The rival is another ticket of the same timer that must not be held at the same time: whether one run is active is
-- asked of the API server, and two that ask at once would both see none. What is noted may have a Job from now on, also
-- if its worker never comes to say so: whoever asks next has to look for that one, too. The mark and the reports are about
-- what was missed before: once there is a Job, whoever comes after a crash takes all before it for decided.
local verdicts = {}
local usable, now = valid(), now_ms()

local function verdict(ticket, token, generation, occurrence, rival)
  if not usable then return 'invalid' end
  if not held(ticket, token) then return 'lost' end
  if number(redis.call('ZSCORE', leased, ticket) or 0) <= now then return 'expired' end
  local known = read(ticket)
  if not known then return 'gone' end
  if known.generation > generation then return 'edited' end
  if known.mark >= occurrence then return 'handled' end
  if rival ~= '' and redis.call('HEXISTS', lease, rival) == 1 then return 'busy' end
  return 'ok'
end

local function note(ticket, mark, fired)
  local known = read(ticket)
  raise(known, mark, fired)
  write(ticket, known)
end

for i = 1, #ARGV, 8 do
  local generation, occurrence = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local noted, mark = tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
  local word = verdict(ARGV[i], ARGV[i + 1], generation, occurrence, ARGV[i + 4])
  if word == 'ok' and noted + mark > 0 then
    note(ARGV[i], mark, noted)
    report(ARGV[i + 7])
  end
  verdicts[#verdicts + 1] = word
end
return verdicts
