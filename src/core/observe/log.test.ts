import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LineWriter, openLog } from './log.ts'

test('a line has its level, its time and its fields, and shows no secret', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'nimbo.log')
  const log = openLog({ level: 'info', file })
  const request = { headers: { 'x-auth-token': 'gAAAA', accept: 'text/plain' }, bodies: [{ adminPass: 'open sesame' }] }
  log.debug({}, 'not this')
  log.info({ password: 'open sesame', user: 'demo' }, 'plain')
  log.child({ service: 'nova', token: 'gAAAA' }).warn(request, 'nested')
  log.error({ err: Object.assign(new Error('no'), { details: { user_data: 'open sesame' } }) }, 'error')

  const text = readFileSync(file, 'utf8')
  assert.doesNotMatch(text, /sesame|gAAAA/)
  const [plain, nested, error] = text.trim().split('\n').map((line) => JSON.parse(line) as Record<string, any>)
  assert.deepEqual({ ...plain, time: '' }, { level: 'info', time: '', password: '***', user: 'demo', msg: 'plain' })
  assert.match(plain?.['time'] as string, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual({ ...nested, time: '' }, {
    level: 'warn', time: '', service: 'nova', token: '***', headers: { 'x-auth-token': '***', accept: 'text/plain' }, bodies: [{ adminPass: '***' }], msg: 'nested',
  })
  assert.deepEqual([error?.['err'].message, error?.['err'].details], ['no', { user_data: '***' }])
  assert.equal(request.headers['x-auth-token'], 'gAAAA')
})

test('on a full disk the work goes on without its log', { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }, () => {
  const log = openLog({ level: 'info', file: '/dev/full' })
  for (let times = 0; times < 3; times++) log.info({ times }, 'said to nobody')
})

test('once lines can be written again the log says how many are lost, after a line that was cut off', () => {
  let [text, room] = ['', 30]
  const lines = new LineWriter((bytes, from) => {
    if (room === 0) throw new Error('no space left')
    const some = bytes.subarray(from, from + room)
    room -= some.length
    text += some.toString()
    return some.length
  })
  for (let number = 0; number < 10; number++) lines.write(`{"number":${number}}\n`)
  room = 1000
  lines.write('{"last":true}\n')
  lines.write('{"more":true}\n')

  assert.match(text, /^\{"number":0\}\n\{"number":1\}\n\{"nu\n\{"level":"warn","time":"[^"]+","lines":8,"reason":"no space left","msg":"[^"]+"\}\n\{"last":true\}\n\{"more":true\}\n$/)
})
