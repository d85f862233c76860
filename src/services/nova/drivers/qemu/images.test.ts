// The image cache and the disks of guests, without QEMU: what is handed to whom, and when, and what there must be room for.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CallContext } from '#core/context'
import { silentLog } from '#core/observe'
import type { Privileged, ProcessRunner } from '#core/process'
import { HostUnfit } from '../../model/errors.ts'
import type { ImageRequest } from '../interface.ts'
import { ImageCache } from './images.ts'
import { pathsBelow } from './paths.ts'

const call: CallContext = { signal: new AbortController().signal, epoch: 1, log: silentLog }
const serverId = '11111111-2222-4333-8444-555555555555'

function emptyFolders(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-images-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const paths = pathsBelow(directory)
  mkdirSync(paths.images, { recursive: true })
  return paths
}

test('a server whose disk was made when the privileged helper died is started later: its disk is handed to QEMU then', async (t) => {
  const paths = emptyFolders(t)
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

test('a server whose image would fill the disk of its host fails before anything of it is fetched, and what outgrows the disk leaves nothing there', async (t) => {
  const paths = emptyFolders(t)
  const images = new ImageCache(paths, {} as ProcessRunner, {} as Privileged)
  const image = (sizeBytes: number): ImageRequest => ({ imageId: serverId, format: 'raw', sizeBytes, hash: { algorithm: 'sha512', value: '' } })
  const noRoom = (error: unknown) => error instanceof HostUnfit && error.message === 'The chosen host has no room for the image.'
  const { bavail, bsize } = statfsSync(paths.images)
  await assert.rejects(images.prepare(call, image(bavail * bsize), () => assert.fail('it is fetched')), noRoom)

  async function* outgrowing() {
    yield Buffer.alloc(1024)
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
  await assert.rejects(images.prepare(call, image(2048), async () => outgrowing()), noRoom)
  assert.deepEqual(readdirSync(paths.images), [])
})
