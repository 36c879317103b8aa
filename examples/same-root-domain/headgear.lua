-- Asks Headgear who is calling, and puts the answer into the request's headers.
local resolver = "http://127.0.0.1:4000/_resolver/resolve" -- where Headgear listens
local host = "localhost:4000" -- the project's host

local told = {
  "x-authgear-session-valid",
  "x-authgear-user-id",
  "x-authgear-user-anonymous",
  "x-authgear-user-verified",
  "x-authgear-user-roles",
  "x-authgear-user-can-reauthenticate",
  "x-authgear-session-amr",
  "x-authgear-session-authenticated-at",
}

core.register_action("headgear", { "http-req" }, function(txn)
  local asked = txn.http:req_get_headers()
  local headers = { host = { host }, ["x-forwarded-for"] = { txn.sf:src() } }
  for _, name in ipairs({ "cookie", "authorization", "dpop" }) do
    local values = {}
    for i = 0, #(asked[name] or {}) do
      if asked[name] and asked[name][i] then values[#values + 1] = asked[name][i] end
    end
    if #values > 0 then headers[name] = values end
  end

  local answer = core.httpclient():get({ url = resolver, headers = headers, timeout = 2000 })
  txn:set_var("txn.headgear", answer.status or 0)
  for _, name in ipairs(told) do
    local values = answer.headers and answer.headers[name]
    if values and values[0] then txn.http:req_set_header(name, values[0]) end
  end
  local cookie = answer.headers and answer.headers["set-cookie"]
  if cookie and cookie[0] then txn:set_var("txn.headgear_cookie", cookie[0]) end
end)
