// `nimbo watch` as a program beside a cloud: lines for machines, names and projects, waiting for an operation, Ctrl-C.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { startCloud, type TestCloud } from '../../src/app/testing/index.ts'
import { defaultPorts } from '../../src/app/settings.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'app', 'main.ts')

/** What `nimbo up` leaves in the folder for other commands. */
function describeCloud(cloud: TestCloud): void {
  const settings = {
    prefix: 'nbtest', driver: 'fake', address: '127.0.0.1', publicCidr: '203.0.113.0/24', link: { host: '198.18.0.1', fabric: '198.18.0.2' }, host: 'host-1', region: 'RegionOne',
    ports: { ...defaultPorts, ...cloud.ports },
  }
  writeFileSync(join(cloud.dataDirectory, 'cloud.json'), JSON.stringify(settings))
  writeFileSync(join(cloud.dataDirectory, 'secrets.json'), JSON.stringify({ adminPassword: 'admin-secret', demoPassword: 'demo-secret', servicePasswords: {}, metadataSecret: '' }))
}

interface Program {
  readonly child: ChildProcess
  readonly lines: string[]
  readonly ended: Promise<{ code: number | null; errors: string }>
  /** The first line that fits. */
  line(fits: (line: string) => boolean): Promise<string>
}

function nimbo(t: TestContext, cloud: TestCloud, ...given: string[]): Program {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, '--data', cloud.dataDirectory, 'watch', ...given], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const wake of waiting) wake()
  })
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => child.once('close', (code) => resolve({ code, errors })))
  return {
    child, lines, ended,
    async line(fits) {
      const deadline = AbortSignal.timeout(30_000)
      for (;;) {
        const found = lines.find(fits)
        if (found !== undefined) return found
        await new Promise<void>((resolve, reject) => {
          waiting.add(resolve)
          deadline.addEventListener('abort', () => reject(new Error(`it was not printed; printed was:\n${lines.join('\n')}\n${errors}`)), { once: true })
          void ended.then(({ code }) => reject(new Error(`it ended with ${code}: ${errors}`)))
        })
      }
    },
  }
}

test('watch shows what happens, by name, by project and from a cursor; waits for operations; and ends on Ctrl-C', async (t) => {
  const cloud = await startCloud(t, ['placement', 'glance', 'neutron', 'cinder', 'nimbo', 'nova'], { sockets: true })
  describeCloud(cloud)
  const demo = await cloud.login('demo')
  const volume = async (name: string) => {
    const reply = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, name } })
    return { id: String(reply.body.volume.id), operation: String(reply.headers['nimbo-operation-id']) }
  }
  const first = await volume('first')
  const waited = nimbo(t, cloud, '--wait', first.operation)
  assert.deepEqual(await waited.ended, { code: 0, errors: '' })

  const admin = await cloud.login('admin')
  await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: '99', name: 'huge', ram: 128, vcpus: 1, disk: 10_000_000 } })
  const { body: image } = await demo.call('glance', 'POST', '/v2/images', { name: 'disk', disk_format: 'raw', container_format: 'bare' })
  await demo.call('glance', 'PUT', `/v2/images/${image.id}/file`, '\0'.repeat(4096), { 'content-type': 'application/octet-stream' })
  const { headers, body } = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'huge', imageRef: image.id, flavorRef: '99', networks: 'none' } }, { 'openstack-api-version': 'compute 2.37' })
  const failed = await nimbo(t, cloud, '--wait', String(headers['nimbo-operation-id'])).ended
  assert.equal(failed.code, 1, JSON.stringify(body))

  const [people, machines] = [nimbo(t, cloud, '--since', 'oldest', 'first'), nimbo(t, cloud, '--all', '--json', '--since', 'oldest')]
  await people.line((line) => line.includes('volume.create done'))
  assert.match(await people.line((line) => line.includes('→')), /^\d\d:\d\d:\d\d\.\d{3} {2}volume first +creating → available$/)
  const second = await volume('second')
  const seen = await machines.line((line) => line.includes(second.operation) && line.includes('operation.ended'))
  assert.equal(JSON.parse(seen).resource.id, second.id)
  assert.ok(people.lines.every((line) => !line.includes('second')), people.lines.join('\n'))
  for (const program of [people, machines]) {
    program.child.kill('SIGINT')
    assert.deepEqual(await program.ended, { code: 0, errors: '' })
  }

  const { cursor } = JSON.parse(machines.lines.find((line) => line.includes(first.operation) && line.includes('operation.ended')) ?? '{}')
  const later = nimbo(t, cloud, '--json', '--project', 'demo', '--since', cursor)
  await later.line((line) => line === machines.lines.at(-1)?.replace(/"internals".*/, '') || line.includes('operation.ended'))
  assert.ok(later.lines.every((line) => !line.includes(first.operation)))
  later.child.kill('SIGINT')
  assert.equal((await later.ended).code, 0)

  for (const [given, said] of [
    [['nothing-of-that-name'], 'There is no server, volume, image, network, port or router called nothing-of-that-name'],
    [['--wait', 'nothing'], 'There is no operation nothing.'], [['--project', 'nothing'], 'There is no project nothing.'], [['--since', 'tomorrow'], 'The cursor is not one'],
  ] as const) {
    const { code, errors } = await nimbo(t, cloud, ...given).ended
    assert.equal(code, 1)
    assert.ok(errors.includes(said), errors)
  }
})

test('a cursor that watch printed is good after a restart of the cloud', async (t) => {
  const cloud = await startCloud(t, ['placement', 'glance', 'neutron', 'cinder', 'nimbo', 'nova'], { sockets: true })
  describeCloud(cloud)
  const demo = await cloud.login('demo')
  const watching = nimbo(t, cloud, '--json', '--since', 'oldest')
  const { body: { volume } } = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, name: 'kept' } })
  await watching.line((line) => line.includes('operation.ended') && line.includes(volume.id))
  const again = await cloud.restart()
  describeCloud(again)
  const session = await again.login('demo')
  const { cursor } = JSON.parse(watching.lines.at(-1) ?? '{}')
  watching.child.kill('SIGINT')
  // Whether it had noticed, or came to try again, is a matter of time.
  assert.equal((await watching.ended).code, 0)
  const following = nimbo(t, again, '--json', '--since', cursor)
  const { headers: deleting } = await session.call('cinder', 'DELETE', `/v3/volumes/${volume.id}`)
  const waited = nimbo(t, again, '--wait', String(deleting['nimbo-operation-id']))
  await following.line((line) => line.includes('volume.deleted'))
  assert.equal((await waited.ended).code, 0)
  following.child.kill('SIGINT')
  assert.equal((await following.ended).code, 0)
  assert.ok(following.lines.every((line) => !line.includes('volume.create"')))
})
