import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLog } from './log.ts'

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
