// The image cache and the disks of guests, without QEMU: what is handed to whom, and when, and what there must be room for.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CallContext } from '#core/context'
import { silentLog } from '#core/observe'
import type { Privileged, ProcessRunner } from '#core/process'
import { qcow2Head } from '../../../../core/testing/qcow2-head.ts'
import { HostUnfit } from '../../model/errors.ts'
import { type ImageFormat, type ImageRequest, UnusableImage } from '../interface.ts'
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

const toNobody = { giveToQemu: () => Promise.resolve() } as unknown as Privileged
const requestFor = (bytes: Buffer, format: ImageFormat): ImageRequest =>
  ({ imageId: serverId, format, sizeBytes: bytes.length, hash: { algorithm: 'sha512', value: createHash('sha512').update(bytes).digest('hex') } })
async function* pieces(bytes: Buffer) {
  yield bytes
}

for (const [what, bytes, format, reason] of [
  ['that stands on a file of the host', qcow2Head(1024n, '/etc/shadow'), 'qcow2', /backing/i],
  ['that is qcow2 and was called raw', qcow2Head(1024n), 'raw', /its content is qcow2/],
  ['that is raw and was called qcow2', Buffer.alloc(70_000), 'qcow2', /its content is raw/],
] as const) {
  test(`an image ${what} is no guest's, though glance let it through`, async (t) => {
    const paths = emptyFolders(t)
    const images = new ImageCache(paths, {} as ProcessRunner, toNobody)
    await assert.rejects(images.prepare(call, requestFor(bytes, format), async () => pieces(bytes)), (error: Error) => error instanceof UnusableImage && reason.test(error.message))
    assert.deepEqual(readdirSync(paths.images), [])
  })
}

test('a guest gets no disk larger than its flavor’s, and what makes its disk has little memory and little time for it', async (t) => {
  const paths = emptyFolders(t)
  const guest = paths.guest(serverId)
  mkdirSync(guest.directory, { recursive: true })
  const ran: { readonly program: string; readonly args: readonly string[]; readonly limits: unknown }[] = []
  const runner = {
    async run(program: string, args: readonly string[], { limits }: { limits?: unknown }) {
      ran.push({ program, args, limits })
      writeFileSync(args.at(-2) ?? '', 'a disk')
    },
  } as unknown as ProcessRunner
  const images = new ImageCache(paths, runner, toNobody)
  const bytes = qcow2Head(2n * 1024n ** 3n)
  await images.prepare(call, requestFor(bytes, 'qcow2'), async () => pieces(bytes))
  const disk = (sizeGiB: number) => ({ kind: 'image', imageId: serverId, sizeGiB, bootIndex: 0, bus: 'virtio', serial: serverId }) as const
  await assert.rejects(images.makeDisk(call, disk(1), guest), { message: 'The image needs a disk of 2 GiB; the flavor has 1 GiB.' })
  assert.equal(ran.length, 0)
  await images.makeDisk(call, disk(3), guest)
  const [made] = ran
  assert.deepEqual([made?.program, made?.args.at(-1), made?.limits], ['qemu-img', String(3 * 1024 ** 3), { addressSpaceBytes: 1024 ** 3, cpuSeconds: 30 }])
})
