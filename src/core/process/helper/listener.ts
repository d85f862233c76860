// Runs inside a network namespace: listens on one address and port, and passes the socket to the helper.
import { createServer } from 'node:net'

const [, , address, port] = process.argv
const server = createServer()
// Whoever connects in the moment before the socket is handed over must try again.
server.on('connection', (socket) => socket.destroy())
server.on('error', (cause) => process.send?.({ refused: cause.message }))
process.on('disconnect', () => process.exit())

server.listen({ host: address, port: Number(port), backlog: 511 }, () => {
  // The bare handle: a server object would begin to accept in each process that it passes through.
  const { _handle: handle } = server as unknown as { _handle: never }
  process.send?.({}, handle)
})
