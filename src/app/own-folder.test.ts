// Whose folder a cloud may begin in.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { layout } from './layout.ts'
import { refuseForeign } from './own-folder.ts'

const nobody = 65_534

test('root begins no cloud in a folder that another user laid out for it', { skip: process.getuid?.() !== 0 && 'needs root' }, (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'nimbo-own-'))
  t.after(() => rmSync(shared, { recursive: true, force: true }))
  chmodSync(shared, 0o1777)
  const folder = layout(join(shared, 'cloud'))
  refuseForeign(folder)
  mkdirSync(folder.directory)
  refuseForeign(folder)

  chownSync(folder.directory, nobody, nobody)
  assert.throws(() => refuseForeign(folder), /belongs to another user/)
  chmodSync(shared, 0o755)
  refuseForeign(folder)

  const disk = join(shared, 'disk')
  mkdirSync(disk)
  symlinkSync(disk, folder.data)
  refuseForeign(folder)
  lchownSync(folder.data, nobody, nobody)
  assert.throws(() => refuseForeign(folder), /data is a link that another user/)
})
