-- For wrk: each connection pauses that long before each request (milliseconds), so that the load does not take the processor
-- time that containers need to start.
function delay()
  return 10
end
