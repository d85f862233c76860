// The disks of guests, without QEMU: what is handed to whom, and when.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CallContext } from '#core/context'
import { silentLog } from '#core/observe'
import type { Privileged, ProcessRunner } from '#core/process'
import { ImageCache } from './images.ts'
import { pathsBelow } from './paths.ts'

const call: CallContext = { signal: new AbortController().signal, epoch: 1, log: silentLog }
const serverId = '11111111-2222-4333-8444-555555555555'

test('a server whose disk was made when the privileged helper died is started later: its disk is handed to QEMU then', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-images-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const paths = pathsBelow(directory)
  const guest = paths.guest(serverId)
  mkdirSync(guest.directory, { recursive: true })
  let helperLives = false
  const given: string[] = []
  const privileged = {
    async giveToQemu(path: string) {
      if (!helperLives) throw new Error('The privileged helper ended.')
      given.push(path)
    },
  } as Privileged
  const runner = { run: async (_program: string, args: readonly string[]) => writeFileSync(args.at(-1) ?? '', 'a disk') } as unknown as ProcessRunner
  const images = new ImageCache(paths, runner, privileged)
  const disk = { kind: 'blank', label: 'ephemeral0', format: 'ext4', sizeMiB: 1, bus: 'virtio', serial: 'one' } as const

  await assert.rejects(images.makeDisk(call, disk, guest), /helper ended/)
  helperLives = true
  await images.makeDisk(call, disk, guest)
  const [path = ''] = given
  assert.deepEqual(given.length, 1)
  assert.equal(existsSync(path.replace(/\.part$/, '')), true)
  await images.makeDisk(call, disk, guest)
  assert.deepEqual(given.length, 1)
})
