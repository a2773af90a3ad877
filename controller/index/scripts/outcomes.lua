-- The next reports after a stream id: outcomes(id, count). Replies id and text of each; '' for what is none, or so long
-- that nobody should have to read it. Others may write here more than any worker would: the oldest go first.
local LONGEST = 10000
local LAST_ID = '18446744073709551615-18446744073709551615'
redis.call('XTRIM', outcomes, 'MAXLEN', '~', 10000)
-- After the last of all ids comes none: what workers have written since is in a new stream.
local first = ARGV[1] == LAST_ID and '-' or '(' .. ARGV[1]
local rows = {}
for _, entry in ipairs(redis.call('XRANGE', outcomes, first, '+', 'COUNT', ARGV[2])) do
  local id, fields = entry[1], entry[2]
  local text = #fields == 2 and fields[1] == 'report' and #fields[2] <= LONGEST and fields[2] or ''
  rows[#rows + 1] = { id, text }
end
return rows
