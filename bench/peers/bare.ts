// The least that node:http can do: the headers given, to everybody.
import { createServer } from 'node:http'

const headers = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>
const server = createServer((_, response) => {
  response.writeHead(200, { 'content-length': 0, ...headers })
  response.end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`)
})
