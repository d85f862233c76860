// The QMP client against a small server of the test's own: answers out of order, events, silence, and ends.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../context/index.ts'
import { connectWhenUp, QmpClient, QmpLost, QmpRefused, type QmpEvent } from './index.ts'

async function monitor(t: TestContext, answer: (message: { execute: string; id: number }, socket: Socket) => void) {
  const directory = await mkdtemp(join(tmpdir(), 'qmp-'))
  const socketPath = join(directory, 'qmp')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n')
    let unread = ''
    socket.on('data', (data) => {
      unread += data.toString()
      for (let end = unread.indexOf('\n'); end >= 0; end = unread.indexOf('\n')) {
        const message = JSON.parse(unread.slice(0, end)) as { execute: string; id: number }
        unread = unread.slice(end + 1)
        if (message.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${message.id}}\r\n`)
        else answer(message, socket)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await rm(directory, { recursive: true })
  })
  return { socketPath, clock: systemClock }
}

test('answers find their commands by id, in any order and in pieces', async (t) => {
  let held: number | undefined
  const qmp = await QmpClient.connect(await monitor(t, ({ execute, id }, socket) => {
    if (execute === 'first') return void (held = id)
    const both = `{"return": "second", "id": ${id}}\n{"return": "first", "id": ${held}}\n`
    socket.write(both.slice(0, 10))
    setTimeout(() => socket.write(both.slice(10)), 5)
  }))
  assert.deepEqual(await Promise.all([qmp.execute('first'), qmp.execute('second')]), ['first', 'second'])
  qmp.close()
})

test('a refusal, a silence and an end are told apart', async (t) => {
  let closed = 0
  const qmp = await QmpClient.connect({
    ...await monitor(t, ({ execute, id }, socket) => {
      if (execute === 'refused') socket.write(`{"error": {"class": "DeviceNotFound", "desc": "no"}, "id": ${id}}\n`)
      if (execute === 'end') socket.destroy()
    }),
    onClose: () => closed++,
  })
  await assert.rejects(qmp.execute('refused'), (error: unknown) => error instanceof QmpRefused && error.errorClass === 'DeviceNotFound')
  await assert.rejects(qmp.execute('silent', {}, 0.05), QmpLost)
  await assert.rejects(qmp.execute('end'), QmpLost)
  await assert.rejects(qmp.execute('later'), QmpLost)
  assert.deepEqual([qmp.isOpen, closed], [false, 1])
})

test('events reach those who wait and those who listen', async (t) => {
  const heard: QmpEvent[] = []
  const qmp = await QmpClient.connect({
    ...await monitor(t, ({ id }, socket) => socket.write(`{"event": "DEVICE_DELETED", "data": {"device": "a"}}\n{"return": {}, "id": ${id}}\n`)),
    onEvent: (event) => heard.push(event),
  })
  const waiting = qmp.waitFor((event) => event.data['device'] === 'a', 1)
  await qmp.execute('device_del')
  assert.equal((await waiting).event, 'DEVICE_DELETED')
  assert.equal(heard.length, 1)
  await assert.rejects(qmp.waitFor(() => true, 0.02), QmpLost)
  qmp.close()
})

test('a socket that is not there yet is tried again; one with a path too long is refused', async (t) => {
  const options = await monitor(t, () => {})
  await assert.rejects(connectWhenUp({ ...options, socketPath: `${options.socketPath}-none` }, 0.1), QmpLost)
  await assert.rejects(QmpClient.connect({ ...options, socketPath: `/${'x'.repeat(120)}` }), /too long/)
})
