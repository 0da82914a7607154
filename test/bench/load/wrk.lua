-- Sends the requests it is given on its input in order, whole as they are, and reports one line of JSON.
local requests = {}
local sent = 0

function init()
  local bytes = io.read("*a")
  local start = 1
  while true do
    local stop = bytes:find("\0", start, true)
    if stop == nil then break end
    requests[#requests + 1] = bytes:sub(start, stop - 1)
    start = stop + 1
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p99Microseconds":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(99), failed))
end
