// What clients do to a socket that want nothing good: they send half, nothing, or in odd forms.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { AppError } from '#core/errors'
import { bytesOf, type Transport } from './message.ts'
import { listen } from './socket.ts'

const ok = (body: string) => ({ status: 200, headers: {}, body })

async function served(t: TestContext, transport: Transport, patience = { keepAliveMs: 5000, headersMs: 5000, silenceMs: 5000 }) {
  const listening = await listen(transport, { host: '127.0.0.1', port: 0 }, patience)
  t.after(() => listening.close())
  /** All that is answered until the other side closes. */
  return (text: string) => new Promise<string>((resolve) => {
    let answer = ''
    const socket = connect(listening.port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
    }).on('error', () => undefined).on('close', () => resolve(answer))
  })
}

test('a client that never ends its headers is let go', async (t) => {
  const send = await served(t, () => Promise.resolve(ok('')), { keepAliveMs: 60_000, headersMs: 50, silenceMs: 60_000 })
  assert.match(await send('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: '), /^HTTP\/1\.1 408 /)
})

test('a client that never ends its body, and one that leaves its answer lying after a fault, are let go', async (t) => {
  const send = await served(t, async ({ path, body }) => {
    if (path === '/read') for await (const _chunk of bytesOf(body)) continue
    return ok('done')
  }, { keepAliveMs: 60_000, headersMs: 60_000, silenceMs: 50 })
  assert.equal(await send('PUT /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf'), '')
  assert.match(await send('PUT /unread HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf'), /done$/)
})

test('who waits for us is not let go, however long we take', async (t) => {
  const send = await served(t, async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return ok('at last')
  }, { keepAliveMs: 60_000, headersMs: 60_000, silenceMs: 30 })
  assert.match(await send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /at last$/)
})

for (const [how, stopReading] of [['broken off', (body: Readable) => body.destroy()], ['left lying', () => undefined]] as const) test(`who uploads more than there is room for hears so, not of a broken connection: reading is ${how}`, async (t) => {
  const listening = await listen(async ({ body }) => {
    const upload = bytesOf(body)
    await new Promise((resolve) => upload.once('readable', resolve))
    upload.read(1)
    stopReading(upload)
    return { status: 413, headers: { connection: 'close' }, body: 'no room' }
  }, { host: '127.0.0.1', port: 0 })
  t.after(() => listening.close())
  // As most clients do, it reads no answer before it has sent all.
  const answer = await new Promise<string>((resolve, reject) => {
    const size = 40_000_000
    const socket = connect(listening.port, '127.0.0.1').on('error', reject)
    const read = () => {
      let text = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      }).on('end', () => resolve(text))
    }
    const send = (left: number) => left === 0 ? read() : socket.write(Buffer.alloc(1_000_000), () => send(left - 1_000_000))
    socket.write(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`, () => send(size))
  })
  assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*no room$/)
})

test('a path in the absolute form is the same path', async (t) => {
  const send = await served(t, ({ path, query }) => Promise.resolve(ok(`<${path}|${query}>`)))
  const asked = async (target: string) => /<.*>/.exec(await send(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))?.[0]
  assert.equal(await asked('http://x:1/v2.1/servers?a=http://y'), '</v2.1/servers|a=http://y>')
  assert.equal(await asked('HTTPS://x'), '</|>')
  assert.equal(await asked('http://x?a'), '</|a>')
  assert.equal(await asked('//x/y'), '<//x/y|>')
  assert.equal(await asked('/http://x/y'), '</http://x/y|>')
})

test('two lengths, a length beside chunks, and a bare line feed are refused before anything is handled', async (t) => {
  const seen: string[] = []
  const send = await served(t, ({ path }) => {
    seen.push(path)
    return Promise.resolve(ok(''))
  })
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  for (const headers of [
    'Content-Length: 4\r\nContent-Length: 5', 'Content-Length: 4\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked, identity', 'Content-Length : 4',
    'Content-Length: +4', 'X: a\nTransfer-Encoding: chunked', 'X: a\r\n b',
  ]) assert.match(await send(`POST / HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n0\r\n\r\n${smuggled}`), /^HTTP\/1\.1 400 /, headers)
  assert.ok(!seen.includes('/smuggled'), seen.join())
})

test('a client that goes away in the middle of its body is an error of the client, not of the cloud', async (t) => {
  const [begun, failed] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()]
  const listening = await listen(async ({ body }) => {
    begun.resolve()
    await bytesOf(body).toArray().catch(failed.resolve)
    return ok('')
  }, { host: '127.0.0.1', port: 0 })
  t.after(() => listening.close())
  const socket = connect(listening.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf')
  await begun.promise
  socket.destroy()
  const error = await failed.promise
  assert.ok(error instanceof AppError)
  assert.deepEqual([error.status, error.code], [400, 'client_gone'])
})

test('what is no request at all, or one with endless headers, is answered with the reason', async (t) => {
  const send = await served(t, () => Promise.resolve(ok('')))
  assert.match(await send(`GET /?${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 431 [\s\S]*"message":"The address and the headers/)
  assert.match(await send('\u0016\u0003\u0001 a greeting of TLS\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*TLS is not spoken here/)
})

test('what went wrong inside is not told', async (t) => {
  const send = await served(t, () => Promise.reject(new Error('ENOENT /secret/place')))
  const answer = await send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 500 /)
  assert.doesNotMatch(answer, /secret/)
})
