-- Put in front of every script. All of them see the same keys, in the same order.
local due, leased, lease, tickets = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, building, outcomes = KEYS[5], KEYS[6], KEYS[7]
local find, format, match = string.find, string.format, string.match

-- Every data key holds this member from the start of a build on. A key that was evicted, deleted or lost
-- comes back without it, and so a partial loss cannot pass for an empty index.
local SENTINEL = '!'
local NEVER = '+inf'
local TICKET_LENGTH = 22

-- Others may write here. What no script can have written counts as not there.
local LATEST_MS = 253402300799999 -- the end of year 9999; its 15 digits are the most that a number has
local LATEST = format('%d', LATEST_MS)
local LONGEST_TEXT = 400
local MOST_DIGITS = 15

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- INFO is long: a search for a plain text is the fast one.
local function info(section, field)
  local text = redis.call('INFO', section)
  local _, last = find(text, field, 1, true)
  return match(text, '^%w+', last + 1)
end

-- Which server, holding which history: a restart changes the first, a failover the second.
local function identity()
  return info('server', 'run_id:') .. ':' .. info('replication', 'master_replid:')
end

-- A key of another type answers with an error, which is a table.
local function valid()
  local built = redis.pcall('GET', epoch)
  return type(built) == 'string'
    and match(built, '^(%w+:%w+):') == identity()
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
  if #text == TICKET_LENGTH then return find(text, '^[%w_-]+$') end
  return #text == TICKET_LENGTH + 9 and string.sub(text, TICKET_LENGTH + 1, TICKET_LENGTH + 1) == '~'
    and find(text, '^[%w_-]+~[%l2-7]+$')
end

-- Of two whole numbers as texts, neither negative, the larger one. To make numbers of both takes several times as long.
local function larger(a, b)
  if #a == #b then return a > b and a or b end
  return #a > #b and a or b
end

-- What is known of a ticket: '<generation> <high-water mark ms> <mark minus last fired, ms> <namespace>/<name>'.
-- Most often what fired last is the mark: as a difference it takes two bytes. What is about to fire lies beyond it.
local KNOWN = '^([1-9]%d*) (%d+) (%-?%d+) ([a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9.-]*)$'

-- Generation, mark, what fired last and timer, as texts; nil where no script can have written this of this ticket.
local function parse(ticket, text)
  if not text or #text > LONGEST_TEXT or not is_ticket(ticket) then return nil end
  local generation, mark, since, timer = match(text, KNOWN)
  if not generation or math.max(#generation, #mark, #since) > MOST_DIGITS then return nil end
  if find(timer, '..', 1, true) then return nil end
  if larger(mark, LATEST) ~= LATEST or find(mark, '^0%d') then return nil end
  if since == '0' then return generation, mark, mark, timer end
  local fired = tonumber(mark) - tonumber(since)
  if fired < 0 or fired > LATEST_MS then return nil end
  return generation, mark, format('%d', fired), timer
end

local function text_of(generation, mark, fired, timer)
  local since = mark == fired and '0' or format('%d', tonumber(mark) - tonumber(fired))
  return generation .. ' ' .. mark .. ' ' .. since .. ' ' .. timer
end

-- The same with numbers, as a table.
local function read(ticket)
  local generation, mark, fired, timer = parse(ticket, redis.call('HGET', tickets, ticket))
  if not generation then return nil end
  return { generation = tonumber(generation), mark = tonumber(mark), fired = tonumber(fired), timer = timer }
end

local function write(ticket, known)
  local text = format('%d %d %d %s', known.generation, known.mark, known.mark - known.fired, known.timer)
  redis.call('HSET', tickets, ticket, text)
end

local function raise(known, mark, fired)
  known.mark, known.fired = math.max(known.mark, mark), math.max(known.fired, fired)
end

local function add_pair(list, one, other)
  local n = #list
  list[n + 1], list[n + 2] = one, other
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

-- One call for many tickets: most of what a call takes is the call. On Lua's stack there is room for some 8,000 values.
local MOST_AT_ONCE = 1000 -- even, as some come in pairs

local function call_with(verb, key, list)
  for first = 1, #list, MOST_AT_ONCE do
    redis.call(verb, key, unpack(list, first, math.min(first + MOST_AT_ONCE - 1, #list)))
  end
end

-- The answers of HMGET or ZMSCORE, in the order of the list; false for what is not there.
local function ask_about(verb, key, list)
  local answers = {}
  for first = 1, #list, MOST_AT_ONCE do
    local page = redis.call(verb, key, unpack(list, first, math.min(first + MOST_AT_ONCE - 1, #list)))
    if #list <= MOST_AT_ONCE then return page end
    for i, answer in ipairs(page) do answers[first + i - 1] = answer end
  end
  return answers
end

-- The tickets among the arguments, of which each comes with others.
local function tickets_of(width)
  local list, n = {}, 0
  for i = 1, #ARGV, width do
    n = n + 1
    list[n] = ARGV[i]
  end
  return list
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
    if type(added) == 'table' and not find(tostring(added.err), 'OOM', 1, true) then
      redis.call('DEL', outcomes)
      redis.call(unpack(entry))
    end
  end
end
