// A glance that is held up, and wakes after another one has taken its place.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { startCloud } from '../../../app/testing/index.ts'
import { glanceMigrations } from '../db/migrations/index.ts'
import type { GlanceTables } from '../db/tables.ts'

test('an upload whose service was held up while another one took its place leaves no bytes, and the image takes another one', { skip: process.env['NIMBO_TEST_DATABASE'] === 'postgres' && 'looks into the file of the database' }, async (t) => {
  const held = Promise.withResolvers<void>()
  let leased = async () => false
  const clock = {
    ...systemClock,
    turn: async () => ((await leased()) ? held.promise : systemClock.turn()),
  }
  const first = await startCloud(t, ['glance'], { capabilities: { clock } })
  const member = await first.login('member')
  const { id } = (await member.call('glance', 'POST', '/v2/images', { name: 'disk', disk_format: 'raw', container_format: 'bare' })).body
  const send = (from: typeof member, data: string) => from.call('glance', 'PUT', `/v2/images/${id}/file`, data, { 'content-type': 'application/octet-stream' })

  const database = await openDatabase<GlanceTables>({ name: 'glance', file: join(first.dataDirectory, 'db', 'glance.db'), migrations: glanceMigrations, clock: systemClock, log: silentLog })
  t.after(() => database.close())
  leased = async () => (await database.read.selectFrom('operations').select('id').where('lease_owner', 'is not', null).executeTakeFirst()) !== undefined
  const cutOff = send(member, 'of the first one')
  while (!(await leased())) await pause(5)

  const second = await startCloud(t, ['glance'], { dataDirectory: first.dataDirectory })
  const again = await second.login('member')
  const status = async () => (await again.call('glance', 'GET', `/v2/images/${id}`)).body.status
  while ((await status()) !== 'queued') await pause(5)
  leased = async () => false
  held.resolve()

  assert.equal((await cutOff).status, 503)
  assert.equal((await send(again, 'of the second one')).status, 204)
  const files = () => readdirSync(join(first.dataDirectory, 'images'))
  for (let tries = 0; tries < 100 && files().length !== 1; tries++) await pause(10)
  assert.equal(files().length, 1)
  assert.equal(await status(), 'active')
})
