-- Put in front of every script. All of them see the same keys, in the same order.
local due, leased, lease, tickets = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, building, outcomes = KEYS[5], KEYS[6], KEYS[7]

-- Every data key holds this member from the start of a build on. A key that was evicted, deleted or lost
-- comes back without it, and so a partial loss cannot pass for an empty index.
local SENTINEL = '!'
local NEVER = '+inf'
local TICKET_LENGTH = 22

-- Others may write here. What no script can have written counts as not there.
local LATEST_MS = 253402300799999 -- the end of year 9999
local LONGEST_TEXT = 400
local MOST_DIGITS = 15 -- of a number that is exact

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Which server, holding which history: a restart changes the first, a failover the second.
local function identity()
  local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  return server .. ':' .. history
end

-- A key of another type answers with an error, which is a table.
local function valid()
  local built = redis.pcall('GET', epoch)
  return type(built) == 'string'
    and string.match(built, '^(%w+:%w+):') == identity()
    and type(redis.pcall('ZSCORE', due, SENTINEL)) == 'string'
    and type(redis.pcall('ZSCORE', leased, SENTINEL)) == 'string'
    and redis.pcall('HEXISTS', lease, SENTINEL) == 1 and redis.pcall('HEXISTS', tickets, SENTINEL) == 1
end

local function is_of_type(key, wanted)
  local found = redis.call('TYPE', key).ok
  return found == wanted or found == 'none'
end

-- A score as a number: Lua need not know what Redis calls infinite.
local function number(score)
  if score == 'inf' then return math.huge end
  if score == '-inf' then return -math.huge end
  return tonumber(score)
end

-- A ticket is 22 characters; that of a run by hand has 8 more behind a tilde.
local function is_ticket(text)
  if #text == TICKET_LENGTH then return string.find(text, '^[%w_-]+$') end
  return #text == TICKET_LENGTH + 9 and string.sub(text, TICKET_LENGTH + 1, TICKET_LENGTH + 1) == '~'
    and string.find(text, '^[%w_-]+~[%l2-7]+$')
end

-- What is known of a ticket: '<generation> <high-water mark ms> <mark minus last fired, ms> <namespace>/<name>'.
-- Most often what fired last is the mark: as a difference it takes two bytes. What is about to fire lies beyond it.
local KNOWN = '^(%d+) (%d+) (%-?%d+) ([%l%d][%l%d-]*/[%l%d][%l%d.-]*)$'

local function read(ticket)
  local text = is_ticket(ticket) and redis.call('HGET', tickets, ticket)
  if not text or #text > LONGEST_TEXT then return nil end
  local generation, mark, since, timer = string.match(text, KNOWN)
  if not generation or math.max(#generation, #mark, #since) > MOST_DIGITS then return nil end
  generation, mark, since = tonumber(generation), tonumber(mark), tonumber(since)
  if generation < 1 or mark > LATEST_MS or since > mark or mark - since > LATEST_MS then return nil end
  if string.find(timer, '..', 1, true) then return nil end
  return { generation = generation, mark = mark, fired = mark - since, timer = timer }
end

local function write(ticket, known)
  local since = known.mark - known.fired
  redis.call('HSET', tickets, ticket, string.format('%d %d %d %s', known.generation, known.mark, since, known.timer))
end

local function raise(known, mark, fired)
  known.mark, known.fired = math.max(known.mark, mark), math.max(known.fired, fired)
end

-- '' stands for no time at all: the ticket stays known, but nobody looks at it.
local function schedule(ticket, at)
  if at == '' then redis.call('ZREM', due, ticket) else redis.call('ZADD', due, at, ticket) end
end

local function release(ticket)
  redis.call('ZREM', leased, ticket)
  redis.call('HDEL', lease, ticket)
end

local function forget(ticket)
  release(ticket)
  redis.call('ZREM', due, ticket)
  redis.call('HDEL', tickets, ticket)
end

local function held(ticket, token)
  return redis.call('HGET', lease, ticket) == token
end

-- One report a line. A stream that takes none, with memory left, is not ours: of another type, or at the end of its ids.
-- What is acknowledged must not wait for somebody to mend that.
local function report(lines)
  for line in string.gmatch(lines, '[^\n]+') do
    local entry = { 'XADD', outcomes, 'MAXLEN', '~', 10000, '*', 'report', line }
    local added = redis.pcall(unpack(entry))
    if type(added) == 'table' and not string.find(tostring(added.err), 'OOM', 1, true) then
      redis.call('DEL', outcomes)
      redis.call(unpack(entry))
    end
  end
end
