-- Right before the side effect: may these still be fired?
-- confirm(ticket, token, generation, occurrence ms, rival or '', noted ms or 0, mark ms or 0, reports or '', ...): a word
-- for each, 'ok' or why not.
-- The rival is another ticket of the same timer that must not be held at the same time: whether one run is active is
-- asked of the API server, and two that ask at once would both see none. What is noted may have a Job from now on, also
-- if its worker never comes to say so: whoever asks next has to look for that one, too. The mark and the reports are about
-- what was missed before: once there is a Job, whoever comes after a crash takes all before it for decided.
local verdicts, n = {}, 0
local usable, now = valid(), now_ms()
local all = usable and tickets_of(8) or {}
local texts, holders = ask_about('HMGET', tickets, all), ask_about('HMGET', lease, all)
local expiries = ask_about('ZMSCORE', leased, all)
-- What became of a ticket, should it come again.
local written = {}
local changes, reports = {}, {}

-- Those that were claimed together end together.
local seen, over
local function is_over(expiry)
  if expiry ~= seen then seen, over = expiry, number(expiry or 0) <= now end
  return over
end

local function verdict(i)
  if not usable then return 'invalid' end
  local ticket, generation, occurrence, rival = ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if holders[n] ~= ARGV[i + 1] then return 'lost' end
  if is_over(expiries[n]) then return 'expired' end
  local known, mark, fired, timer = parse(ticket, written[ticket] or texts[n])
  if not known then return 'gone' end
  if larger(known, generation) ~= generation then return 'edited' end
  if larger(mark, occurrence) == mark then return 'handled' end
  if rival ~= '' and redis.call('HEXISTS', lease, rival) == 1 then return 'busy' end
  return 'ok', known, mark, fired, timer
end

for i = 1, #ARGV, 8 do
  n = n + 1
  local word, generation, mark, fired, timer = verdict(i)
  local noted, missed = ARGV[i + 5], ARGV[i + 6]
  if generation and (noted ~= '0' or missed ~= '0') then
    local text = text_of(generation, larger(mark, missed), larger(fired, noted), timer)
    written[ARGV[i]] = text
    add_pair(changes, ARGV[i], text)
    reports[#reports + 1] = ARGV[i + 7]
  end
  verdicts[n] = word
end

call_with('HSET', tickets, changes)
for _, lines in ipairs(reports) do report(lines) end
return verdicts
