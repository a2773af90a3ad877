-- Put in front of every script. All of them see the same keys, in the same order.
local due, leased, lease, tickets = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, building, outcomes = KEYS[5], KEYS[6], KEYS[7]

-- Every data key holds this member from the start of a build on. A key that was evicted, deleted or lost
-- comes back without it, and so a partial loss cannot pass for an empty index.
local SENTINEL = '!'
local NEVER = '+inf'
local TICKET_LENGTH = 22

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

local function valid()
  local built = redis.call('GET', epoch)
  return built
    and string.match(built, '^(%w+:%w+):') == identity()
    and redis.call('ZSCORE', due, SENTINEL) and redis.call('ZSCORE', leased, SENTINEL)
    and redis.call('HEXISTS', lease, SENTINEL) == 1 and redis.call('HEXISTS', tickets, SENTINEL) == 1
end

-- What is known of a ticket: '<generation> <high-water mark ms> <mark minus last fired, ms> <namespace>/<name>'.
-- Most often what fired last is the mark: as a difference it takes two bytes.
local function read(ticket)
  local text = redis.call('HGET', tickets, ticket)
  if not text then return nil end
  local generation, mark, since, timer = string.match(text, '^(%d+) (%d+) (%d+) (%S+)$')
  if not generation then return nil end
  mark = tonumber(mark)
  return { generation = tonumber(generation), mark = mark, fired = mark - tonumber(since), timer = timer }
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

local function held(ticket, token)
  return redis.call('HGET', lease, ticket) == token
end

-- One report a line.
local function report(lines)
  for line in string.gmatch(lines, '[^\n]+') do
    redis.call('XADD', outcomes, 'MAXLEN', '~', 10000, '*', 'report', line)
  end
end
