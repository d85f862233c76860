// Each kind of thing that may go wrong under a cloud, done by hand on the real engines: the auditor finds it, puts right what is
// plainly safe, and removes the rest when it is asked to.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud, type RealCloud } from './real-cloud.ts'

interface Found {
  readonly id: string
  readonly kind: string
  readonly resource: string
  readonly state: string
  readonly ended_at?: string
}

test('whatever is broken by hand is found, and put right or told', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(10)
  t.after(() => cloud.remove())
  const { openstack, asAdmin } = cloud
  // Rounds are asked for here; none comes between a deed and the look at it.
  writeFileSync(join(cloud.directory, 'nimbo.toml'), ['nova', 'neutron', 'cinder', 'glance'].map((name) => `[${name}]\naudit_interval = 3600\naudit_grace = 3\n`).join('\n'))
  await cloud.nimbo('up')
  const { prefix, ports, address } = JSON.parse(readFileSync(join(cloud.directory, 'cloud.json'), 'utf8')) as { prefix: string; ports: Record<string, number>; address: string }
  const data = join(cloud.directory, 'data')
  const fabric = `${prefix}-fabric`
  const inFabric = (...command: string[]) => execFileSync('/usr/sbin/ip', ['netns', 'exec', fabric, ...command], { encoding: 'utf8' })
  const namespaces = () => execFileSync('/usr/sbin/ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => name.startsWith(`${prefix}-`)).sort()
  const devices = () => (JSON.parse(inFabric('ip', '-j', 'link')) as { ifname: string; master?: string }[]).map(({ ifname, master = '' }) => `${ifname} ${master}`).sort()

  /** Look at everything now. @returns what is open then, and what ended since the last look */
  const ended = new Set<string>()
  async function audit(): Promise<{ open: Found[]; repaired: string[]; gone: string[] }> {
    await doctor(cloud, '--now')
    const { findings } = await doctor(cloud, '--history')
    const fresh = findings.filter(({ id, state, ended_at }) => state !== 'open' && !ended.has(`${id} ${ended_at}`))
    const named = (state: string) => fresh.filter((each) => each.state === state).map(({ kind, resource }) => `${kind} ${resource}`).sort()
    for (const { id, ended_at } of fresh) ended.add(`${id} ${ended_at}`)
    return { open: findings.filter(({ state }) => state === 'open'), repaired: named('repaired'), gone: named('gone') }
  }
  const openKinds = (open: readonly Found[]) => open.map(({ kind, resource }) => `${kind} ${resource}`).sort()

  const boot = async (name: string): Promise<string> =>
    String((await openstack('server', 'create', '--image', 'nimbo-test', '--flavor', 'm1.nano', '--network', 'private', '--wait', name)).id)
  const server = await boot('audited')
  const volume = String((await openstack('volume', 'create', '--size', '1', 'audited')).id)
  await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', volume)).status === 'available')
  await openstack('server', 'add', 'volume', 'audited', 'audited')
  await eventually('the volume is in use', 60, async () => (await openstack('volume', 'show', volume)).status === 'in-use')
  const [port] = (await openstack('port', 'list', '--server', 'audited')) as { ID: string }[]
  assert.ok(port)
  const [network, router] = [String((await openstack('network', 'show', 'private')).id), String((await openstack('router', 'show', 'router1')).id)]
  const tap = `tap${port.ID.slice(0, 11)}`
  const whole = { namespaces: namespaces(), devices: devices() }

  await t.test('a cloud in order has no findings, and the doctor ends with 0', async () => {
    assert.deepEqual(await audit(), { open: [], repaired: [], gone: [] })
    assert.match(await cloud.nimbo('doctor'), /rows and reality agree/)
  })

  await t.test('a deleted tap is wired again', async () => {
    inFabric('ip', 'link', 'del', tap)
    assert.deepEqual(await audit(), { open: [], repaired: [`wire.missing ${port.ID}`], gone: [] })
    assert.deepEqual(devices(), whole.devices)
  })

  await t.test('flushed filters are made again: of a port, of a group, and the way to all of them', async () => {
    const rules = () => inFabric('nft', '-s', '-t', 'list', 'ruleset')
    const [before, group] = [rules(), /chain i-([0-9a-f-]{36}) \{/.exec(rules())?.[1]]
    assert.ok(group)
    for (const chain of [`in-${port.ID}`, `i-${group}`, 'forward']) inFabric('nft', 'flush', 'chain', 'inet', 'nimbo', chain)
    const { open, repaired } = await audit()
    assert.deepEqual([open, repaired.map((each) => each.split(' ')[0])], [[], ['fabric.broken', 'filter.broken', 'group.broken']])
    assert.equal(sortedRules(rules()), sortedRules(before))
  })

  await t.test('what is there for nothing is removed: a tap, a bridge, a namespace; what is a stranger’s is told', async () => {
    const ghost = '99999999-9999-4999-8999-999999999999'
    inFabric('ip', 'tuntap', 'add', 'dev', `tap${ghost.slice(0, 11)}`, 'mode', 'tap')
    inFabric('ip', 'link', 'add', `brq${ghost.slice(0, 11)}`, 'type', 'bridge')
    for (const name of [`${prefix}-qdhcp-${ghost}`, `${prefix}-qrouter-${ghost}`, `${prefix}-odd`]) execFileSync('/usr/sbin/ip', ['netns', 'add', name])
    const { open, repaired } = await audit()
    assert.deepEqual([openKinds(open), repaired], [
      [`network.stranger ${prefix}-odd`],
      [`dhcp.stray ${ghost}`, `network.stray ${ghost.slice(0, 11)}`, `router.stray ${ghost}`, `wire.stray ${ghost.slice(0, 11)}`],
    ])
    await assert.rejects(cloud.nimbo('doctor'))
    execFileSync('/usr/sbin/ip', ['netns', 'del', `${prefix}-odd`])
    assert.deepEqual((await audit()).gone, [`network.stranger ${prefix}-odd`])
    assert.deepEqual({ namespaces: namespaces(), devices: devices() }, whole)
  })

  await t.test('a bridge that is gone comes back with all that hung on it', async () => {
    inFabric('ip', 'link', 'del', `brq${network.slice(0, 11)}`)
    const { open, repaired } = await audit()
    assert.deepEqual([open, repaired], [[], [`dhcp.missing ${network}`, `network.missing ${network}`, `router.missing ${router}`, `wire.loose ${port.ID}`]])
    assert.deepEqual({ namespaces: namespaces(), devices: devices() }, whole)
  })

  await t.test('namespaces of DHCP and of a router are made anew, a DHCP server that forgot its hosts is told again', async () => {
    for (const name of [`${prefix}-qdhcp-${network}`, `${prefix}-qrouter-${router}`]) execFileSync('/usr/sbin/ip', ['netns', 'del', name])
    const { open, repaired } = await audit()
    assert.deepEqual([open, repaired], [[], [`dhcp.missing ${network}`, `router.missing ${router}`]])
    assert.deepEqual({ namespaces: namespaces(), devices: devices() }, whole)
    const hosts = join(data, 'neutron', 'dhcp', network, 'hosts')
    const known = readFileSync(hosts, 'utf8')
    assert.match(known, /^fa:16:3e/)
    writeFileSync(hosts, '')
    assert.deepEqual((await audit()).repaired, [`dhcp.incomplete ${network}`])
    assert.deepEqual(readFileSync(hosts, 'utf8').split('\n').sort(), known.split('\n').sort())
  })

  await t.test('killed programs come back or are seen: DHCP, the storage daemon, QEMU', async () => {
    for (const daemon of [/dnsmasq/, /qemu-storage-daemon/]) {
      kill(cloud, daemon)
      await eventually(`${String(daemon)} runs again`, 15, async () => processesOf(cloud.directory).some((each) => daemon.test(each)))
    }
    kill(cloud, /qemu-system/)
    await eventually('the server is SHUTOFF', 20, async () => (await openstack('server', 'show', server)).status === 'SHUTOFF')
    assert.deepEqual((await audit()).open, [])
    await openstack('server', 'start', server)
    await eventually('the server is ACTIVE', 60, async () => (await openstack('server', 'show', server)).status === 'ACTIVE')
  })

  await t.test('a server whose guest is not as its row says is shown as it is', async () => {
    write(join(data, 'db', 'nova_cell1.db'), 'update instances set vm_state = \'paused\', power_state = 3 where uuid = ?', server)
    assert.deepEqual((await audit()).repaired, [`server.power ${server}`])
    assert.equal((await openstack('server', 'show', server)).status, 'ACTIVE')
  })

  await t.test('a dropped export is served again, one that nobody uses is taken back', async () => {
    const monitor = join(data, 'cinder', 'volumes', 'run', 'qmp2')
    const idle = String((await openstack('volume', 'create', '--size', '1', 'idle')).id)
    await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', idle)).status === 'available')
    const served = async () => ((await qmp(monitor, { execute: 'query-block-exports' })) as { id: string }[]).map(({ id }) => id)
    assert.deepEqual(await served(), [`export-${volume}`])
    await qmp(monitor, { execute: 'block-export-del', arguments: { id: `export-${volume}`, mode: 'hard' } })
    await qmp(monitor, { execute: 'blockdev-add', arguments: { driver: 'qcow2', 'node-name': 'idle', file: { driver: 'file', filename: join(data, 'cinder', 'volumes', `${idle}.qcow2`) } } })
    await qmp(monitor, { execute: 'block-export-add', arguments: { type: 'nbd', id: `export-${idle}`, 'node-name': 'idle', name: idle } })
    assert.deepEqual((await audit()).repaired, [`export.missing ${volume}`, `export.stray ${idle}`].sort())
    assert.deepEqual(await served(), [`export-${volume}`])
  })

  await t.test('files without rows and rows without files, of volumes and of images', async () => {
    const [volumes, images] = [join(data, 'cinder', 'volumes'), join(data, 'images')]
    const [stray, begun] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
    const idle = String((await openstack('volume', 'show', 'idle')).id)
    copyFileSync(join(volumes, `${idle}.qcow2`), join(volumes, `${stray}.qcow2`))
    writeFileSync(join(volumes, `${begun}.qcow2.part`), 'half')
    writeFileSync(join(images, stray), 'whose?')
    writeFileSync(join(images, `${begun}.partial`), 'half')
    const image = String((await openstack('image', 'show', 'nimbo-test')).id)
    const bits = read(join(data, 'db', 'glance.db'), 'select bits from images where id = ?', image)
    renameSync(join(volumes, `${idle}.qcow2`), join(volumes, 'elsewhere'))
    renameSync(join(images, bits), join(cloud.directory, 'elsewhere'))
    const { open, repaired } = await audit()
    assert.deepEqual([openKinds(open), repaired], [
      [`image.lost ${image}`, `image.stray ${stray}`, `volume.lost ${idle}`, `volume.stray ${stray}`], [`image.unfinished ${begun}`, `volume.unfinished ${begun}`],
    ])
    renameSync(join(volumes, 'elsewhere'), join(volumes, `${idle}.qcow2`))
    renameSync(join(cloud.directory, 'elsewhere'), join(images, bits))
    await cloud.nimbo('doctor', '--repair', 'all')
    const after = await audit()
    assert.deepEqual([after.open, after.gone], [[], [`image.lost ${image}`, `volume.lost ${idle}`]])
    assert.deepEqual([stray, `${stray}.qcow2`, `${begun}.qcow2.part`, `${begun}.partial`].filter((name) => existsSync(join(images, name)) || existsSync(join(volumes, name))), [])
    await openstack('volume', 'delete', idle)
  })

  await t.test('an image that is deleted and used by nobody leaves the cache of the host', async () => {
    const cache = join(data, 'nova', 'qemu', 'images')
    const stale = '33333333-3333-4333-8333-333333333333'
    const [cached] = readdirSync(cache).filter((name) => !name.endsWith('.json'))
    assert.ok(cached)
    for (const end of ['', '.json']) copyFileSync(join(cache, `${cached}${end}`), join(cache, `${stale}${end}`))
    assert.deepEqual((await audit()).repaired, [`image-cache.stale ${stale}`])
    assert.deepEqual(readdirSync(cache).filter((name) => name.startsWith(stale)), [])
  })

  await t.test('room in placement: taken for a server that has none, given back when it is held for nobody', async () => {
    const { id: token } = await asAdmin('token', 'issue', '-f', 'json').then((text: string) => JSON.parse(text) as { id: string })
    const placement = async (method: string, path: string, body?: unknown): Promise<any> => {
      const reply = await fetch(`http://${address}:${ports['placement']}${path}`, {
        method, headers: { 'x-auth-token': token, 'openstack-api-version': 'placement 1.28', 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      assert.ok(reply.ok, `${method} ${path}: ${reply.status}`)
      return reply.status === 204 ? undefined : reply.json()
    }
    const ghost = '44444444-4444-4444-8444-444444444444'
    const held = await placement('GET', `/allocations/${server}`)
    const [provider] = Object.keys(held.allocations)
    await placement('DELETE', `/allocations/${server}`)
    await placement('PUT', `/allocations/${ghost}`, { allocations: { [String(provider)]: { resources: { VCPU: 1 } } }, project_id: held.project_id, user_id: held.user_id, consumer_generation: null })
    const { open, repaired } = await audit()
    assert.deepEqual([openKinds(open), repaired], [[`allocation.stray ${ghost}`], [`allocation.missing ${server}`]])
    assert.deepEqual((await placement('GET', `/allocations/${server}`)).allocations[String(provider)].resources, held.allocations[String(provider)].resources)
    await cloud.nimbo('doctor', '--repair', open[0]?.id.slice(0, 12) ?? '')
    assert.deepEqual((await placement('GET', `/allocations/${ghost}`)).allocations, {})
  })

  await t.test('all that is left of a server whose rows are gone goes when it is asked for: guest, disks, room, port, attachment', async () => {
    const lost = await boot('lost')
    const [own] = (await openstack('port', 'list', '--server', 'lost')) as { ID: string }[]
    const spare = String((await openstack('volume', 'create', '--size', '1', 'spare')).id)
    await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', spare)).status === 'available')
    await openstack('server', 'add', 'volume', 'lost', 'spare')
    await eventually('the volume is in use', 60, async () => (await openstack('volume', 'show', spare)).status === 'in-use')
    for (const table of ['instances:uuid', 'block_device_mappings:instance_uuid', 'virtual_interfaces:instance_uuid']) {
      const [name, column] = table.split(':')
      write(join(data, 'db', 'nova_cell1.db'), `delete from ${name} where ${column} = ?`, lost)
    }
    write(join(data, 'db', 'nova_api.db'), 'delete from instance_mappings where instance_uuid = ?', lost)
    const { open } = await audit()
    const [attachment] = open.filter(({ kind }) => kind === 'attachment.stray')
    assert.deepEqual(openKinds(open), [`allocation.stray ${lost}`, `attachment.stray ${attachment?.resource}`, `guest.stray ${lost}`, `port.stray ${own?.ID}`])
    assert.equal(processesOf(cloud.directory).filter((each) => /qemu-system/.test(each)).length, 2)
    await cloud.nimbo('doctor', '--repair', 'all')
    assert.deepEqual((await audit()).open, [])
    assert.equal(processesOf(cloud.directory).filter((each) => /qemu-system/.test(each)).length, 1)
    assert.equal(existsSync(join(data, 'nova', 'qemu', 'servers', lost)), false)
    await eventually('the volume is free', 30, async () => (await openstack('volume', 'show', spare)).status === 'available')
    await openstack('volume', 'delete', spare)
    await eventually('its device is gone', 30, async () => JSON.stringify(devices()) === JSON.stringify(whole.devices))
  })

  await t.test('after all this the server works, and its deletion leaves nothing', async () => {
    await openstack('server', 'reboot', '--hard', '--wait', server)
    await openstack('server', 'delete', '--wait', server)
    await eventually('the volume is free', 30, async () => (await openstack('volume', 'show', volume)).status === 'available')
    await openstack('volume', 'delete', volume)
    await eventually('the volumes are gone', 30, async () => (await openstack('volume', 'list')).length === 0)
    assert.deepEqual((await audit()).open, [])
    rmSync(join(cloud.directory, 'nimbo.toml'))
  })
})

/** It ends with 1 while anything is open. */
async function doctor(cloud: RealCloud, ...args: string[]): Promise<{ findings: Found[] }> {
  const text = await cloud.nimbo('doctor', '--json', ...args).catch((error: Error) => String((error.cause as { stdout?: string }).stdout))
  const diagnosis = JSON.parse(text) as { findings: Found[]; silent: string[]; failed: string[] }
  assert.deepEqual([diagnosis.silent, diagnosis.failed], [[], []])
  return diagnosis
}

/** Chains stand in the order in which they were made. */
function sortedRules(text: string): string {
  return text.split('\n\n').map((block) => block.trim()).sort().join('\n')
}

function kill(cloud: RealCloud, command: RegExp): void {
  const found = processesOf(cloud.directory).filter((each) => command.test(each)).map((each) => Number(each.split(' ')[0]))
  assert.ok(found.length > 0, `${String(command)} runs`)
  for (const pid of found) process.kill(pid, 'SIGKILL')
}

function write(file: string, statement: string, value: string): void {
  const database = new DatabaseSync(file, { timeout: 5000 })
  const { changes } = database.prepare(statement).run(value)
  database.close()
  assert.ok(Number(changes) > 0 || statement.startsWith('delete from block'), statement)
}

function read(file: string, statement: string, value: string): string {
  const database = new DatabaseSync(file, { readOnly: true })
  const row = database.prepare(statement).get(value) as Record<string, string>
  database.close()
  return Object.values(row)[0] ?? ''
}

/** One command to a monitor. */
function qmp(path: string, command: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    const lines = [JSON.stringify({ execute: 'qmp_capabilities' }), JSON.stringify({ ...command, id: 'asked' })]
    socket.on('error', reject).on('data', (chunk) => {
      text += String(chunk)
      if (/"QMP"/.test(text) && lines.length > 0) socket.write(`${lines.splice(0).join('\n')}\n`)
      for (const line of text.split('\n').filter((each) => each.trim() !== '' && each.includes('"asked"') && each.trimEnd().endsWith('}'))) {
        const answer = JSON.parse(line) as { return?: unknown; error?: { desc: string } }
        socket.end()
        if (answer.error) reject(new Error(answer.error.desc))
        else resolve(answer.return)
      }
    })
  })
}
