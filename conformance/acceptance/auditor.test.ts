// Each kind of thing that may go wrong under a cloud, done by hand on the real engines: the auditor finds it, puts right what is
// plainly safe, and removes the rest when it is asked to.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { untilWhole } from './as-demo.ts'
import { copyRow, doctor, type Found, insertOverdue, kill, qmp, read, sortedRules, write } from './by-hand.ts'
import { processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud } from './real-cloud.ts'

test('whatever is broken by hand is found, and put right or told', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(10)
  t.after(() => cloud.remove())
  const { openstack, asAdmin } = cloud
  // Rounds are asked for here; none comes between a deed and the look at it.
  writeFileSync(join(cloud.directory, 'nimbo.toml'), ['nova', 'neutron', 'cinder', 'glance'].map((name) => `[${name}]\naudit_interval = 3600\naudit_grace = 3\n`).join('\n'))
  await cloud.nimbo('up')
  const { prefix, ports, address } = JSON.parse(readFileSync(join(cloud.directory, 'cloud.json'), 'utf8')) as { prefix: string; ports: Record<string, number>; address: string }
  const data = join(cloud.directory, 'data')
  const rows = (name: string) => join(data, 'db', `${name}.db`)
  const ghost = '99999999-9999-4999-8999-999999999999'
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
  const { id: token } = await asAdmin('token', 'issue', '-f', 'json').then((text: string) => JSON.parse(text) as { id: string })
  const call = async (service: string, method: string, path: string, body?: unknown): Promise<any> => {
    const reply = await fetch(`http://${address}:${ports[service]}${path}`, {
      method, headers: { 'x-auth-token': token, 'openstack-api-version': 'placement 1.28', 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    assert.ok(reply.ok, `${method} ${path}: ${reply.status}`)
    return reply.status === 204 ? undefined : reply.json()
  }

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

  await t.test('addresses of a group are told again, flushed or gone with the rules that name them; those of no group go with its rules', async () => {
    const sets = () => (JSON.parse(inFabric('nft', '-j', 'list', 'sets')) as { nftables: { set?: { name: string; elem?: unknown } }[] }).nftables.flatMap(({ set }) => (set ? [`${set.name} ${JSON.stringify(set.elem)}`] : [])).sort()
    const [before, group] = [sets(), /set m4-([0-9a-f-]{36}) \{/.exec(inFabric('nft', 'list', 'sets'))?.[1]]
    assert.ok(group)
    const nft = (...lines: string[]) => execFileSync('/usr/sbin/ip', ['netns', 'exec', fabric, 'nft', '-f', '-'], { input: lines.join('\n') })
    const chains = (id: string) => ['i', 'e', 'ir', 'er'].map((start) => `inet nimbo ${start}-${id}`)
    nft(`flush set inet nimbo m4-${group}`, `add set inet nimbo m4-${ghost} { type ipv4_addr; flags interval; }`, ...chains(ghost).map((chain) => `add chain ${chain}`))
    const first = await audit()
    assert.deepEqual([first.open, first.repaired], [[], [`address-set.broken ${group}`, `address-set.stray ${ghost}`, `group.stray ${ghost}`]])
    assert.deepEqual(sets(), before)
    nft(...chains(group).map((chain) => `flush chain ${chain}`), `delete set inet nimbo m4-${group}`)
    const second = await audit()
    assert.deepEqual([second.open, second.repaired], [[], [`address-set.missing ${group}`, `group.broken ${group}`]])
    assert.deepEqual(sets(), before)
  })

  await t.test('what is there for nothing is removed: a tap, a bridge, a namespace; what is a stranger’s is told', async () => {
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
    writeFileSync(hosts, `${known.replace(/^([^,]+),[^,]+,/, '$1,10.99.0.9,')}fa:16:3e:99:99:99,10.99.0.10,host-gone\n`)
    assert.deepEqual((await audit()).repaired, [`dhcp.outdated ${network}`])
    assert.deepEqual(readFileSync(hosts, 'utf8').split('\n').sort(), known.split('\n').sort())
  })

  await t.test('addresses, routes and rules inside a router and a DHCP server, a zone, and the way to the host are set again', async () => {
    const { floating_ip_address: floating } = await openstack('floating', 'ip', 'create', 'public', '--port', port.ID)
    await eventually('the floating address is ACTIVE', 30, async () => (await openstack('floating', 'ip', 'show', String(floating))).status === 'ACTIVE')
    const inside = (netns: string, ...command: string[]) => execFileSync('/usr/sbin/ip', ['netns', 'exec', netns, ...command], { encoding: 'utf8' })
    const [routed, served] = [`${prefix}-qrouter-${router}`, `${prefix}-qdhcp-${network}`]
    const hostTable = `nimbo_${prefix}`
    const onHost = (...words: string[]) => execFileSync('/usr/sbin/nft', words, { encoding: 'utf8' })
    const addressesIn = (netns: string) => inside(netns, 'ip', '-br', 'addr').split('\n').map((line) => line.split(/\s+/).filter((word) => !/^fe80|^(UP|DOWN|UNKNOWN)$/.test(word)).sort().join(' ')).sort()
    const look = () => ({
      addresses: [routed, served, fabric].map(addressesIn), routes: [routed, served, fabric].map((netns) => inside(netns, 'ip', 'route').split('\n').map((line) => line.trim()).sort()),
      rules: sortedRules(inside(routed, 'nft', 'list', 'ruleset')),
      host: onHost('-s', 'list', 'ruleset').includes(`table ip ${hostTable} {`) ? onHost('list', 'table', 'ip', hostTable) : '',
      zones: (inFabric('nft', 'list', 'map', 'inet', 'nimbo', 'zones').match(/"brq[^"]*"/g) ?? []).sort(),
    })
    const before = look()
    assert.match(before.rules, new RegExp(String(floating)))
    const gateway = /qg-\S+?(?=[@\s])/.exec(inside(routed, 'ip', '-br', 'link'))?.[0] ?? ''
    const device = /ns-\S+?(?=[@\s])/.exec(inside(served, 'ip', '-br', 'link'))?.[0] ?? ''
    const own = /inet (\S+)/.exec(inside(served, 'ip', '-4', 'addr', 'show', 'dev', device).replace('169.254.169.254/32', ''))?.[1] ?? ''
    const bridge = `brq${network.slice(0, 11)}`
    const zone = new RegExp(`"${bridge}" : (\\d+)`).exec(inFabric('nft', 'list', 'map', 'inet', 'nimbo', 'zones'))?.[1] ?? ''
    const breakages: readonly (readonly [string, () => unknown])[] = [
      [`router.broken ${router}`, () => inside(routed, 'ip', 'addr', 'del', `${floating}/32`, 'dev', gateway)],
      [`router.broken ${router}`, () => inside(routed, 'nft', 'flush', 'chain', 'ip', 'nimbo', 'prerouting')],
      [`router.broken ${router}`, () => inside(routed, 'nft', 'delete', 'table', 'ip', 'nimbo')],
      [`router.broken ${router}`, () => inside(routed, 'ip', 'route', 'del', 'default')],
      [`dhcp.broken ${network}`, () => inside(served, 'ip', 'addr', 'del', own, 'dev', device)],
      [`network.broken ${network}`, () => inFabric('nft', 'delete', 'element', 'inet', 'nimbo', 'zones', '{', `"${bridge}"`, ':', zone, '}')],
      ['fabric.broken', () => onHost('delete', 'table', 'ip', hostTable)],
    ]
    for (const [told, breakIt] of breakages) {
      breakIt()
      assert.notDeepEqual(look(), before, `the test can tell ${told}`)
      const { open, repaired } = await audit()
      assert.deepEqual([open, repaired.map((each) => (told.includes(' ') ? each : each.split(' ')[0]))], [[], [told]])
      assert.deepEqual(look(), before)
    }
    await openstack('floating', 'ip', 'delete', String(floating))
    await eventually('its address has left the router', 30, async () => !addressesIn(routed).join().includes(String(floating)))
  })

  await t.test('programs that work for the cloud and that it did not start are told, and ended when it is asked for', async () => {
    const strays = [
      spawn('/usr/sbin/ip', ['netns', 'exec', `${prefix}-qdhcp-${network}`, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--port=0', '--interface=lo'], { stdio: 'ignore' }),
      spawn('/usr/bin/qemu-system-x86_64', ['-machine', 'none', '-S', '-nodefaults', '-display', 'none', '-serial', `file:${data}/stray`], { stdio: 'ignore' }),
      spawn('/usr/bin/qemu-storage-daemon', ['--pidfile', join(data, 'stray.pid')], { stdio: 'ignore' }),
    ]
    t.after(() => strays.forEach((stray) => stray.kill('SIGKILL')))
    const ends = Promise.all(strays.map((stray) => new Promise((resolve) => stray.on('exit', resolve))))
    const { open } = await audit()
    assert.deepEqual(open.map(({ kind, resource }) => `${kind} ${resource.replace(/-\d+$/, '')}`).sort(), [`dnsmasq-${strays[0]?.pid}`, `qemu-${strays[1]?.pid}`, `qemu-storage-daemon-${strays[2]?.pid}`].map((each) => `program.stray ${each}`))
    await cloud.nimbo('doctor', '--repair', 'all')
    await ends
    rmSync(join(data, 'stray'), { force: true })
    assert.deepEqual((await audit()).open, [])
  })

  await t.test('killed programs come back or are seen: DHCP, the storage daemon, QEMU', async () => {
    for (const daemon of [/dnsmasq/, /qemu-storage-daemon/]) {
      kill(cloud, daemon)
      await eventually(`${String(daemon)} runs again`, 15, async () => processesOf(cloud.directory).some((each) => daemon.test(each)))
    }
    kill(cloud, /qemu-system/)
    await eventually('the server is SHUTOFF', 20, async () => (await openstack('server', 'show', server)).status === 'SHUTOFF')
    assert.deepEqual((await audit()).open, [])
    const guest = join(data, 'nova', 'qemu', 'servers', server)
    renameSync(guest, join(cloud.directory, 'elsewhere'))
    assert.deepEqual(openKinds((await audit()).open), [`guest.missing ${server}`])
    renameSync(join(cloud.directory, 'elsewhere'), guest)
    assert.deepEqual((await audit()).gone, [`guest.missing ${server}`])
    await openstack('server', 'start', server)
    await eventually('the server is ACTIVE', 60, async () => (await openstack('server', 'show', server)).status === 'ACTIVE')
    await untilWhole(cloud)
  })

  await t.test('a server whose guest is not as its row says is shown as it is', async () => {
    write(rows('nova_cell1'), 'update instances set vm_state = \'paused\', power_state = 3 where uuid = ?', server)
    assert.deepEqual((await audit()).repaired, [`server.power ${server}`])
    assert.equal((await openstack('server', 'show', server)).status, 'ACTIVE')
    const host = read(rows('nova_cell1'), 'select host from instances where uuid = ?', server)
    write(rows('nova_cell1'), 'update instances set host = \'elsewhere\', task_state = \'powering-off\' where uuid = ?', server)
    assert.deepEqual(openKinds((await audit()).open), [`guest.elsewhere ${server}`, `server.unowned ${server}`])
    await cloud.nimbo('doctor', '--repair', 'all').catch(() => undefined)
    // The port stays where the guest is: nobody on the host of the row can say that it has the guest.
    assert.deepEqual(openKinds((await audit()).open), [`guest.elsewhere ${server}`, `port.elsewhere ${port.ID}`])
    write(rows('nova_cell1'), 'update instances set host = ? where uuid = ?', host, server)
    assert.deepEqual((await audit()).gone, [`guest.elsewhere ${server}`, `port.elsewhere ${port.ID}`])
  })

  await t.test('ports of a server are bound to its host, and both know of each other', async () => {
    const idOf = async (...args: string[]) => String((await openstack('port', 'create', '--network', 'private', ...args)).id)
    const group = read(rows('neutron'), 'select security_group_id from port_security_groups where port_id = ?', port.ID)
    const has = (...ids: string[]) => eventually('the server has the ports that there are', 60, async () =>
      read(rows('nova_cell1'), 'select group_concat(uuid) from virtual_interfaces where instance_uuid = ?', server).split(',').sort().join() === ids.sort().join())
    const isActive = (id: string) => eventually('the port is active', 60, async () => read(rows('neutron'), 'select status from ports where id = ?', id) === 'ACTIVE')
    const doomed = await idOf('doomed')
    await openstack('server', 'add', 'port', 'audited', 'doomed')
    await isActive(doomed)
    write(rows('neutron'), 'delete from ports where id = ?', doomed)
    const first = await audit()
    assert.deepEqual([first.open, first.repaired], [[], [`address-set.broken ${group}`, `dhcp.outdated ${network}`, `port.missing ${doomed}`, `wire.stray ${doomed.slice(0, 11)}`]])
    await has(port.ID)

    const untold = await idOf('--device', server, '--device-owner', 'compute:nova', 'untold')
    await asAdmin('port', 'set', '--host', 'nowhere', port.ID)
    // Neutron's auditor sees the same from the other side meanwhile, and may do its part before or after nova's.
    const portsRepaired = async () => (await audit()).repaired.filter((each) => each.startsWith('port.'))
    assert.deepEqual(await portsRepaired(), [`port.elsewhere ${port.ID}`, `port.untold ${untold}`])
    await has(port.ID, untold)
    assert.deepEqual(await portsRepaired(), [`port.elsewhere ${untold}`])
    for (const id of [port.ID, untold]) await isActive(id)

    write(rows('neutron'), 'update ports set status = \'BUILD\' where id = ?', port.ID)
    write(rows('neutron'), 'update ports set vif_type = \'binding_failed\', status = \'DOWN\' where id = ?', untold)
    assert.deepEqual(await portsRepaired(), [`port.binding-failed ${untold}`, `port.unowned ${port.ID}`])
    for (const id of [port.ID, untold]) await isActive(id)
    await openstack('port', 'delete', untold)
    await has(port.ID)
    await eventually('its device is gone', 30, async () => JSON.stringify(devices()) === JSON.stringify(whole.devices))
    assert.deepEqual((await audit()).open, [])
  })

  await t.test('a disk and an interface that were pulled out of a running guest are plugged in again, those that its server does not have are unplugged when it is asked for', async () => {
    const monitor = join(data, 'nova', 'qemu', 'servers', server, 'run', 'qmp2')
    const tell = (execute: string, args: object) => qmp(monitor, { execute, arguments: args })
    const plugged = async () => ((await tell('qom-list', { path: '/machine/peripheral' })) as { name: string; type: string }[]).filter(({ type }) => type.startsWith('child<')).map(({ name }) => name).sort()
    const pull = (id: string) => eventually(`the guest lets go of ${id}`, 60, async () => {
      await tell('device_del', { id }).catch(() => undefined)
      return !(await plugged()).includes(id)
    })
    const before = await plugged()
    const own = [`port-${port.ID}`, `volume-${volume}`]
    assert.deepEqual(own.filter((id) => !before.includes(id)), [])
    for (const id of own) await pull(id)
    await tell('blockdev-del', { 'node-name': `vol-${volume.replaceAll('-', '').slice(0, 26)}` })
    const pulled = await audit()
    assert.deepEqual([pulled.open, pulled.repaired], [[], [`guest.port-missing ${port.ID}`, `guest.volume-missing ${volume}`]])
    assert.deepEqual(await plugged(), before)

    await tell('blockdev-add', { driver: 'null-co', 'node-name': `vol-${ghost.replaceAll('-', '').slice(0, 26)}`, size: 2 ** 20 })
    await tell('device_add', { driver: 'virtio-blk-pci', id: `volume-${ghost}`, drive: `vol-${ghost.replaceAll('-', '').slice(0, 26)}` })
    await tell('netdev_add', { type: 'hubport', id: `net-${ghost}`, hubid: 7 })
    await tell('device_add', { driver: 'virtio-net-pci', id: `port-${ghost}`, netdev: `net-${ghost}`, romfile: '' })
    assert.deepEqual(openKinds((await audit()).open), [`guest.port-stray ${ghost}`, `guest.volume-stray ${ghost}`])
    await cloud.nimbo('doctor', '--repair', 'all')
    assert.deepEqual(await plugged(), before)
    await assert.rejects(tell('blockdev-del', { 'node-name': `vol-${ghost.replaceAll('-', '').slice(0, 26)}` }), /find/i)
    assert.deepEqual((await audit()).open, [])
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

  await t.test('a volume that was cut short is grown again, one that is larger than it should be is told', async () => {
    const short = String((await openstack('volume', 'create', '--size', '1', 'short')).id)
    await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', short)).status === 'available')
    const file = join(data, 'cinder', 'volumes', `${short}.qcow2`)
    const resize = (size: string) => execFileSync('/usr/bin/qemu-img', ['resize', '-q', '--shrink', '-f', 'qcow2', file, size])
    const bytes = () => (JSON.parse(execFileSync('/usr/bin/qemu-img', ['info', '--output=json', file], { encoding: 'utf8' })) as { 'virtual-size': number })['virtual-size']
    resize('1000M')
    assert.deepEqual([(await audit()).repaired, bytes()], [[`volume.smaller ${short}`], 2 ** 30])
    resize('2G')
    assert.deepEqual(openKinds((await audit()).open), [`volume.larger ${short}`])
    resize('1G')
    assert.deepEqual((await audit()).gone, [`volume.larger ${short}`])
    await openstack('volume', 'delete', short)
  })

  await t.test('what only an operation may leave so, with none; a longer file than its image; a volume that cinder does not count', async () => {
    const databases = ['cinder', 'glance', 'neutron', 'nova_api']
    const stuck = databases.map((_name, at) => `55555555-5555-4555-8555-55555555555${at}`)
    const idle = String((await openstack('volume', 'show', 'idle')).id)
    const image = String((await openstack('image', 'show', 'nimbo-test')).id)
    const { id: begun } = await call('glance', 'POST', '/v2/images', { name: 'begun', disk_format: 'raw', container_format: 'bare' })
    const bits = join(data, 'images', read(rows('glance'), 'select bits from images where id = ?', image))
    const { size } = statSync(bits)
    appendFileSync(bits, 'more')
    write(rows('glance'), 'update images set status = \'saving\' where id = ?', begun)
    write(rows('cinder'), 'update volumes set status = \'extending\' where id = ?', idle)
    copyRow(rows('nova_cell1'), 'block_device_mappings', ['volume_id', volume], { uuid: ghost, volume_id: idle, connection_info: null })
    databases.forEach((name, at) => insertOverdue(rows(name), String(stuck[at])))
    assert.deepEqual(openKinds((await audit()).open), [
      `attachment.missing ${idle}`, `image.damaged ${image}`, `image.unowned ${begun}`, ...stuck.map((id) => `operation.overdue ${id}`), `volume.unowned ${idle}`,
    ])
    await cloud.nimbo('doctor', '--repair', 'all').catch(() => undefined)
    assert.deepEqual([(await openstack('volume', 'show', idle)).status, (await call('glance', 'GET', `/v2/images/${begun}`)).status], ['error', 'queued'])

    truncateSync(bits, size)
    write(rows('nova_cell1'), 'delete from block_device_mappings where uuid = ?', ghost)
    databases.forEach((name, at) => write(rows(name), 'delete from operations where id = ?', String(stuck[at])))
    assert.deepEqual((await audit()).gone, [`attachment.missing ${idle}`, `image.damaged ${image}`, ...stuck.map((id) => `operation.overdue ${id}`)])
    await asAdmin('volume', 'set', '--state', 'available', idle)
    await call('glance', 'DELETE', `/v2/images/${begun}`)
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
    const bits = read(rows('glance'), 'select bits from images where id = ?', image)
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
    const placement = (method: string, path: string, body?: unknown) => call('placement', method, path, body)
    const held = await placement('GET', `/allocations/${server}`)
    const [provider] = Object.keys(held.allocations)
    await placement('DELETE', `/allocations/${server}`)
    await placement('PUT', `/allocations/${ghost}`, { allocations: { [String(provider)]: { resources: { VCPU: 1 } } }, project_id: held.project_id, user_id: held.user_id, consumer_generation: null })
    const { open, repaired } = await audit()
    assert.deepEqual([openKinds(open), repaired], [[`allocation.stray ${ghost}`], [`allocation.missing ${server}`]])
    assert.deepEqual((await placement('GET', `/allocations/${server}`)).allocations[String(provider)].resources, held.allocations[String(provider)].resources)
    await cloud.nimbo('doctor', '--repair', open[0]?.id.slice(0, 12) ?? '')
    assert.deepEqual((await placement('GET', `/allocations/${ghost}`)).allocations, {})

    const own = held.allocations[String(provider)].resources
    const hold = async (allocations: object) => placement('PUT', `/allocations/${server}`, { allocations, project_id: held.project_id, user_id: held.user_id, consumer_generation: (await placement('GET', `/allocations/${server}`)).consumer_generation })
    const second = await placement('POST', '/resource_providers', { name: 'left-over' })
    await placement('PUT', `/resource_providers/${second.uuid}/inventories`, { resource_provider_generation: 0, inventories: { VCPU: { total: 4 } } })
    await hold({ [String(provider)]: { resources: { ...own, MEMORY_MB: own.MEMORY_MB + 1 } } })
    assert.deepEqual((await audit()).repaired, [`allocation.amount ${server}`, `allocation.stray ${ghost}`])
    for (const [kind, allocations] of [['double', { [String(provider)]: { resources: own }, [second.uuid]: { resources: { VCPU: 1 } } }], ['elsewhere', { [second.uuid]: { resources: { VCPU: 1 } } }]] as const) {
      await hold(allocations)
      assert.deepEqual(openKinds((await audit()).open), [`allocation.${kind} ${server}`])
      await cloud.nimbo('doctor', '--repair', 'all')
      assert.deepEqual((await placement('GET', `/allocations/${server}`)).allocations[String(provider)].resources, own)
    }
    await placement('DELETE', `/resource_providers/${second.uuid}`)
    assert.deepEqual((await audit()).open, [])
  })

  await t.test('all that is left of a server goes: guest, disks, room, port, attachment; what was deleted by itself, what is unknown when it is asked for', async () => {
    const [lost, forgotten] = await Promise.all(['lost', 'forgotten'].map(async (name) => {
      const id = await boot(name)
      const [own] = (await openstack('port', 'list', '--server', name)) as { ID: string }[]
      const spare = String((await openstack('volume', 'create', '--size', '1', name)).id)
      const is = (status: string) => eventually(`the volume is ${status}`, 60, async () => (await openstack('volume', 'show', spare)).status === status)
      await is('available')
      await openstack('server', 'add', 'volume', name, spare)
      await is('in-use')
      return { id, port: String(own?.ID), is, spare, attachment: read(rows('cinder'), 'select id from volume_attachments where volume_id = ?', spare) }
    }))
    assert.ok(lost && forgotten)
    write(rows('nova_cell1'), 'delete from instances where uuid = ?', lost.id)
    write(rows('nova_cell1'), 'update instances set deleted = 1, vm_state = \'deleted\' where uuid = ?', forgotten.id)
    for (const { id } of [lost, forgotten]) {
      for (const table of ['block_device_mappings', 'virtual_interfaces']) write(rows('nova_cell1'), `delete from ${table} where instance_uuid = ?`, id)
      write(rows('nova_api'), 'delete from instance_mappings where instance_uuid = ?', id)
    }
    assert.equal(processesOf(cloud.directory).filter((each) => /qemu-system/.test(each)).length, 3)
    const { open, repaired } = await audit()
    assert.deepEqual([openKinds(open), repaired], [
      [`allocation.stray ${lost.id}`, `attachment.stray ${lost.attachment}`, `guest.stray ${lost.id}`, ...[lost, forgotten].map((each) => `port.stray ${each.port}`)].sort(),
      [`allocation.of-deleted-server ${forgotten.id}`, `attachment.of-deleted-server ${forgotten.attachment}`, `guest.of-deleted-server ${forgotten.id}`],
    ])
    await cloud.nimbo('doctor', '--repair', 'all')
    assert.deepEqual((await audit()).open, [])
    assert.equal(processesOf(cloud.directory).filter((each) => /qemu-system/.test(each)).length, 1)
    for (const { id, is, spare } of [lost, forgotten]) {
      assert.equal(existsSync(join(data, 'nova', 'qemu', 'servers', id)), false)
      await is('available')
      await openstack('volume', 'delete', spare)
    }
    await eventually('their devices are gone', 30, async () => JSON.stringify(devices()) === JSON.stringify(whole.devices))
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
