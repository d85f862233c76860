// Images on their way to a volume: only what glance promised arrives, in the format that was declared.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { Credentials } from '#core/client'
import { type RequestContext, systemIds } from '#core/context'
import { silentLog } from '#core/observe'
import type { ImageSource } from '#contract/cinder'
import { qcow2Head } from '../../../core/testing/qcow2-head.ts'
import { imageFetcher } from './fetch-image.ts'
import { scratchOnDisk } from './scratch.ts'

const signal = new AbortController().signal
const ctx: RequestContext = {
  requestId: 'req-1', signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'p', roles: ['member'] },
}
const credentials: Credentials = { service: () => Promise.resolve('s'), delegated: () => Promise.resolve('d'), forget() {} }

async function setUp(t: TestContext, bytes: Buffer, status = 200) {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-images-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const asked: Record<string, string | undefined>[] = []
  const fetchImage = await imageFetcher({
    scratch: scratchOnDisk(directory), credentials, ids: systemIds,
    glance: {
      name: 'glance', prefix: '/v2', origin: 'http://glance',
      transport: (request) => {
        asked.push(request.headers)
        return Promise.resolve({ status, headers: { 'content-type': 'application/octet-stream' }, body: Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]) })
      },
    },
  })
  return { directory, fetchImage, asked }
}

const sourceOf = (bytes: Buffer, more: Partial<ImageSource> = {}): ImageSource => ({
  imageId: '11111111-2222-3333-4444-555555555555', declared: 'raw', format: 'raw', sizeBytes: bytes.length, hashAlgorithm: 'sha512',
  hash: createHash('sha512').update(bytes).digest('hex'), ...more,
})

test('a good image is there while it is used, and gone afterwards', async (t) => {
  const bytes = Buffer.alloc(5000, 7)
  const { directory, fetchImage, asked } = await setUp(t, bytes)
  let seen = ''
  await fetchImage(ctx, sourceOf(bytes), 1, signal, async (file) => {
    seen = file
    assert.deepEqual(readFileSync(file), bytes)
  })
  assert.equal(existsSync(seen), false)
  assert.deepEqual(readdirSync(directory), [])
  // The user's own right, by a delegated token, beside the service's: never the service's alone.
  assert.deepEqual([asked[0]?.['x-auth-token'], asked[0]?.['x-service-token']], ['d', 's'])
})

const raw = Buffer.alloc(5000)
const refusals: readonly [string, Buffer, Partial<ImageSource>, RegExp][] = [
  ['whose data were exchanged', raw, { hash: 'f'.repeat(128) }, /do not fit its hash/],
  ['that is longer than said', raw, { sizeBytes: 4000 }, /larger than glance said/],
  ['that is shorter than said', raw, { sizeBytes: 6000 }, /ended before its time/],
  ['that is a qcow2 declared as raw', qcow2Head(1024n), {}, /declared as raw, but its content is qcow2/],
  ['that is raw declared as qcow2', raw, { declared: 'qcow2', format: 'qcow2' }, /declared as qcow2, but its content is raw/],
  ['with a backing file', qcow2Head(1024n, '/etc/shadow'), { declared: 'qcow2', format: 'qcow2' }, /backing/i],
  ['whose disk is larger than the volume', qcow2Head(2n * 1024n ** 3n), { declared: 'qcow2', format: 'qcow2' }, /needs 2 GiB, which is more than the volume's 1 GiB/],
]
for (const [what, bytes, more, reason] of refusals) {
  test(`an image ${what} is never given to the backend`, async (t) => {
    const { directory, fetchImage } = await setUp(t, bytes)
    const source = { ...sourceOf(bytes), ...more }
    await assert.rejects(fetchImage(ctx, source, 1, signal, () => assert.fail('it was used')), (error: Error) => {
      assert.match(error.message, reason)
      assert.equal(error.message.includes(directory), false)
      return true
    })
    assert.deepEqual(readdirSync(directory), [])
  })
}
