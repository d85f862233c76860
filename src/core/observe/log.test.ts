import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLog } from './log.ts'

const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount')

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

test('once lines can be written again the log says how many are lost, after a line that was cut off', { skip: canMount ? false : 'needs root and mount' }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-log-'))
  execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'nimbo', folder])
  t.after(() => {
    execFileSync('/usr/bin/umount', ['--lazy', folder])
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'nimbo.log')
  const log = openLog({ level: 'info', file })
  log.info({}, 'first')
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(56 * 1024))
  for (let times = 0; times < 20; times++) log.info({ filler: 'x'.repeat(999) }, 'too much')
  rmSync(join(folder, 'ballast'))
  log.info({}, 'last')

  const lines = readFileSync(file, 'utf8').trim().split('\n')
  const whole = lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>]
    } catch {
      return []
    }
  })
  const written = whole.filter(({ msg }) => msg === 'too much').length
  assert.equal(lines.length - whole.length, 1, 'one line is there in part')
  assert.deepEqual(whole.map(({ msg }) => msg).filter((msg) => msg !== 'too much'), ['first', 'lines of the log could not be written and are lost', 'last'])
  assert.equal(whole.at(-2)?.['lines'], 20 - written)
})
