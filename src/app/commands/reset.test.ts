// A cloud is removed, wherever its folder is.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { mountTinyDisk } from '../../core/testing/tiny-disk.ts'
import { chooseSettings, writeSettings } from '../settings.ts'
import { reset } from './reset.ts'

test('`reset` of a cloud whose folder is a mount point leaves the folder, and nothing in it', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const { folder } = await mountTinyDisk(t)
  writeSettings(folder, chooseSettings(folder, { driver: 'fake' }))
  await reset(folder, true)
  assert.deepEqual(readdirSync(folder), [])
})
