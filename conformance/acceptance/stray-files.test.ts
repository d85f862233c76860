// The comparison itself: a file that a cloud leaves on the machine is seen, others are not.
import assert from 'node:assert/strict'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { findUser } from '../../src/app/host.ts'
import { chooseSettings } from '../../src/app/settings.ts'
import { canRunReal } from './real-cloud.ts'
import { watchFiles } from './stray-files.ts'

test('a file that is left outside a cloud’s folder is found, in quiet places by being new, in busy ones by name or owner', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const [directory, home, stranger] = ['cloud', 'home', 'stranger'].map((name) => mkdtempSync(join(tmpdir(), `nimbo-stray-${name}-`))) as [string, string, string]
  const { prefix } = chooseSettings(directory, {})
  const left = [join(home, 'left'), `/etc/left-${process.pid}`, `/var/lib/left-${process.pid}`, `/run/${prefix}-left`, `/tmp/${basename(directory)}.lock`]
  const notItsOwn = [join(directory, 'kept'), join(stranger, 'kept'), `/tmp/left-${process.pid}`]
  const owned = `/tmp/left-${process.pid}-by-nimbo`
  t.after(() => {
    for (const path of [...left, ...notItsOwn, owned, directory, home, stranger]) rmSync(path, { recursive: true, force: true })
  })
  const stray = watchFiles({ directory, home })
  assert.deepEqual(await stray(), [])
  for (const path of [...left, ...notItsOwn]) writeFileSync(path, '')
  const user = findUser('nimbo')
  if (user) {
    writeFileSync(owned, '')
    chownSync(owned, user.uid, user.gid)
  }
  assert.deepEqual((await stray()).sort(), [...left, ...(user ? [owned] : [])].sort())
})
