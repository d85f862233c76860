// The auditor of a cloud whose image store is broken by hand.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemIds } from '#core/context'
import { auditorOf, quickAudit } from '../../../app/testing/audit.ts'
import { startCloud } from '../../../app/testing/index.ts'

test('files that nobody knows, files that are gone, and files that were cut short', async (t) => {
  const cloud = await startCloud(t, ['glance'], { config: { glance: quickAudit } })
  const auditor = auditorOf(cloud, 'glance')
  const demo = await cloud.login('demo')
  const image = async () => {
    const made = await demo.call('glance', 'POST', '/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' })
    const id = String(made.body.id)
    assert.equal((await demo.call('glance', 'PUT', `/v2/images/${id}/file`, 'a disk', { 'content-type': 'application/octet-stream' })).status, 204)
    return id
  }
  const folder = join(cloud.dataDirectory, 'images')
  const lost = await image()
  for (const name of readdirSync(folder)) rmSync(join(folder, name))
  const damaged = await image()
  for (const name of readdirSync(folder)) truncateSync(join(folder, name), 2)
  await image()
  const [stray, cutOff] = [systemIds.uuid(), systemIds.uuid()]
  writeFileSync(join(folder, stray), 'whose?')
  writeFileSync(join(folder, `${cutOff}.partial`), 'who')

  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, remedy }) => [kind, resource, remedy]).sort(([a = ''], [b = '']) => a.localeCompare(b)), [
    ['image.damaged', damaged, 'none'], ['image.lost', lost, 'none'], ['image.stray', stray, 'when-asked'],
  ])
  assert.equal(existsSync(join(folder, `${cutOff}.partial`)), false)
  await auditor.repair(open.find(({ kind }) => kind === 'image.stray')?.id ?? '')
  assert.equal(existsSync(join(folder, stray)), false)
  for (const id of [lost, damaged]) assert.equal((await demo.call('glance', 'DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual(await auditor.history(), [
    `image.damaged ${damaged} gone`, `image.lost ${lost} gone`, `image.stray ${stray} repaired`, `image.unfinished ${cutOff} repaired`,
  ])
})
