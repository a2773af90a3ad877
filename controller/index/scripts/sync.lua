-- Make tickets say what the timers say: sync(ticket, generation, mark ms, fired ms, next ms or '', timer, ...).
-- Wakes sleeping workers where something is due earlier than all before.
local now = now_ms()
local head = number(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2])
local earliest = math.huge

local function sync(ticket, wanted, at)
  local known = read(ticket)
  if known and known.generation > wanted.generation then
    -- News of an older generation: what it knows of the past still counts, what it wants no longer does.
    raise(known, wanted.mark, wanted.fired)
    return write(ticket, known)
  end
  local edited = not known or known.generation < wanted.generation
  local informed = not known or wanted.mark >= known.mark
  if known then
    raise(wanted, known.mark, known.fired)
  elseif wanted.fired == 0 then
    -- None has fired, and the mark is as good: no occurrence at or before it has a Job that counts.
    wanted.fired = wanted.mark
  end
  write(ticket, wanted)
  if edited then
    -- What was claimed under the older generation can neither be confirmed nor acknowledged any more.
    release(ticket)
  else
    if redis.call('HEXISTS', lease, ticket) == 1 then return end
    -- Who is due stays due until a worker has looked, and a worker's later knowledge is not overruled.
    local score = redis.call('ZSCORE', due, ticket)
    if score and (at == '' or not informed or number(score) <= now) then return end
  end
  schedule(ticket, at)
  if at ~= '' then earliest = math.min(earliest, tonumber(at)) end
end

for i = 1, #ARGV, 6 do
  local generation, mark, fired = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  sync(ARGV[i], { generation = generation, mark = mark, fired = fired, timer = ARGV[i + 5] }, ARGV[i + 4])
end
if earliest < (head or math.huge) then redis.call('PUBLISH', due, earliest) end
return #ARGV / 6
