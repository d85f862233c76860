// The privileged helper on the real kernel: what it does, what it refuses, and what outlives it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { eventually } from '../testing/real-machine.ts'
import { daemonKeeper } from './helper/daemons.ts'
import { isNamed } from './helper/strays.ts'
import { createProcessRunner, type HelperOptions, NotAllowed, startHelper } from './index.ts'

const root = process.getuid?.() === 0 ? {} : { skip: 'needs root' }
const runner = createProcessRunner()

async function helperFor(t: TestContext, prefix: string) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'helper-'))
  const options: HelperOptions = {
    prefix, dataDirectory,
    ownUser: { uid: 65534, gid: 65534, name: 'nobody' }, qemuUser: { uid: 64123, gid: 64123 },
  }
  const helper = await startHelper(options)
  t.after(async () => {
    await helper.close()
    const last = await startHelper(options)
    for (const id of (await last.daemons('dnsmasq')).keys()) await last.signalDaemon('dnsmasq', id, 'SIGKILL')
    for (const name of await last.netnsList()) await last.netnsDelete(name)
    await last.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  })
  return { helper, options, dataDirectory }
}

const dnsmasq = (dataDirectory: string) => ({
  kind: 'dnsmasq' as const, id: 'one', netns: 'hta-x',
  args: ['--keep-in-foreground', '--port=0', '--interface=veth0', '--bind-interfaces', '--dhcp-range=10.0.0.0,static,255.255.255.0,600s'],
  outputFile: join(dataDirectory, 'dnsmasq.log'),
})

test('namespaces, links and rules are made in one spawn each and can be asked for', root, async (t) => {
  const { helper } = await helperFor(t, 'hta')
  await helper.netnsAdd('hta-x')
  await helper.netnsAdd('hta-x')
  await helper.ip(['link add br0 type bridge', 'link set br0 up', 'addr add 10.1.0.1/24 dev br0'], { netns: 'hta-x' })
  await helper.ip(['link add br0 type bridge', 'link set br0 mtu 1450'], { netns: 'hta-x', tolerate: ['exists'] })
  await assert.rejects(helper.ip(['link add br0 type bridge'], { netns: 'hta-x' }), /File exists/)
  await helper.nft('add table inet nimbo\nadd chain inet nimbo x', { netns: 'hta-x' })
  const links = await helper.ipQuery(['link', 'show', 'dev', 'br0'], { netns: 'hta-x' }) as { mtu: number }[]
  assert.equal(links[0]?.mtu, 1450)
  assert.deepEqual(await helper.ipQuery(['link', 'show', 'dev', 'none'], { netns: 'hta-x' }), [])
  await helper.ip(['link add vx-12345678-ab netns hta-x type vxlan id 3 local 127.0.0.1 dstport 4789 nolearning proxy'], {})
  assert.equal((await helper.ipQuery(['link', 'show', 'dev', 'vx-12345678-ab'], { netns: 'hta-x' }) as unknown[]).length, 1, 'a tunnel whose packets leave by the host')
  assert.deepEqual(await helper.nftQuery(['table', 'inet', 'nimbo2'], { netns: 'hta-x' }), [])
  assert.equal((await helper.nftQuery(['table', 'inet', 'nimbo'], { netns: 'hta-x' })).length, 3)
  const here = await helper.sysctlQuery(['net/ipv4/conf/lo/arp_ignore', 'net/ipv4/none'])
  assert.deepEqual(Object.keys(here), ['net/ipv4/conf/lo/arp_ignore'])
  await helper.sysctl({ 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/lo/arp_announce': '2', 'net/ipv4/conf/lo/arp_ignore': '1' }, { netns: 'hta-x' })
  const inside = ['ip_forward', 'conf/lo/arp_announce', 'conf/lo/arp_ignore'].map((name) => `/proc/sys/net/ipv4/${name}`)
  assert.equal((await createProcessRunner().run('/usr/bin/nsenter', ['--net=/run/netns/hta-x', '--', 'cat', ...inside], { timeoutSeconds: 10 })).stdout, '1\n2\n1\n')
  assert.deepEqual(await helper.sysctlQuery(['net/ipv4/conf/lo/arp_ignore']), { 'net/ipv4/conf/lo/arp_ignore': here['net/ipv4/conf/lo/arp_ignore'] }, 'the host is not touched')
  await assert.rejects(helper.sysctl({ 'net/ipv4/none': '1' }, { netns: 'hta-x' }), /No such file/)
  assert.deepEqual(await helper.netnsList(), ['hta-x'])
})

test('what is not on the allow-list is refused', root, async (t) => {
  const { helper, dataDirectory } = await helperFor(t, 'htb')
  await helper.netnsAdd('htb-x')
  symlinkSync('/etc', join(dataDirectory, 'link'))
  writeFileSync(join(dataDirectory, 'file'), '')
  symlinkSync(join(dataDirectory, 'file'), join(dataDirectory, 'other'))
  const daemon = { ...dnsmasq(dataDirectory), netns: 'htb-x' }
  const refused: (() => Promise<unknown>)[] = [
    () => helper.netnsAdd('other-x'),
    () => helper.netnsAdd('htb-../x'),
    () => helper.netnsDelete('default'),
    () => helper.ip(['link set eth0 down'], {}),
    () => helper.ip(['link set htb-up name eth9'], {}),
    () => helper.ip(['addr add 1.1.1.1/32 dev eth0'], {}),
    () => helper.ip(['link set a netns 1'], { netns: 'htb-x' }),
    () => helper.ip(['link set a up\nlink set b up'], { netns: 'htb-x' }),
    () => helper.ip(['netns exec htb-x id'], { netns: 'htb-x' }),
    () => helper.ip(['-n default link set a up'], { netns: 'htb-x' }),
    () => helper.ip(['tuntap add dev t mode tap user 0'], { netns: 'htb-x' }),
    ...['link set a-1 xdpgeneric obj /tmp/x', 'link set a-1 xdp off', 'link set xdp up', 'link set a-1 vf 0 mac 00:00:00:00:00:01', 'link set a-1 mtu 1400 mtu 1500',
      'link set group up', 'link add a-1 name b-1 type bridge', 'link add a-1 type bpf', 'link add a-1 type bridge type veth', 'link add a-1 link b-1 type bridge',
      'link chg a-1 up', 'addr add 1.1.1.1/24 dev a-1 label x', 'addr flush dev a-1', 'route add default encap bpf in obj /tmp/x dev a-1', 'route add 1.0.0.0/8 oif a-1',
      'route add blackhole 1.0.0.0/8', 'neigh add 1.1.1.1 dev a-1', 'neigh replace 1.1.1.1 lladdr 00:00:00:00:00:01 nud noarp dev a-1', 'tuntap add dev a-1 mode tun user 64123',
      'tuntap del dev a-1 mode tap', 'link set a-1  up', '',
    ].map((line) => () => helper.ip([line], { netns: 'htb-x' })),
    ...['link add htb-up name eth9 type veth peer name y-1 netns htb-x', 'link add x-1 netns htb-x type veth peer name eth9', 'link add eth9 type bridge',
      'link set htb-up master br-lan', 'route add 10.9.0.0/16 via 10.0.0.1', 'tuntap add dev htb-up mode tap user 64123', 'link set htb-up netns htb-x',
    ].map((line) => () => helper.ip([line], {})),
    ...['fdb append 00:00:00:00:00:01 dev a-1 dst 10.0.0.1 via eth0', 'fdb flush dev a-1', 'link set dev a-1 learning off', 'vlan add dev a-1 vid 1',
    ].map((line) => () => helper.bridge([line], { netns: 'htb-x' })),
    () => helper.ipQuery(['netns', 'exec'], {}),
    // Only the whole word `show` shows: others change, by any beginning of their names.
    ...['link change eth0 down', 'link s eth0 down', 'route append 1.0.0.0/8 dev lo', 'addr a 1.1.1.1 dev lo', 'link show group default', '-4 -6 addr show', 'neigh']
      .map((words) => () => helper.ipQuery(words.split(' '), {})),
    () => helper.bridgeQuery(['fdb', 'append', '00:00:00:00:00:01', 'dev', 'lo'], {}),
    () => helper.nftQuery(['-f', 'table'], {}),
    () => helper.nftQuery(['table', 'inet;', 'x'], {}),
    () => helper.ipQuery(['-batch', 'link'], {}),
    () => helper.bridge(['link set dev a learning off'], {}),
    () => helper.nft('flush ruleset', { netns: 'htb-x' }),
    () => helper.nft('add table inet filter', {}),
    () => helper.nft('table ip nimbo_htb { }\nadd rule ip filter x drop', {}),
    () => helper.nft('table ip nimbo_htb { include "/etc/shadow" }', {}),
    () => helper.nft('table ip nimbo_other { }', {}),
    () => helper.sysctl({ 'kernel/core_pattern': '1' }, {}),
    () => helper.sysctl({ 'net/../kernel/panic': '1' }, {}),
    () => helper.sysctl({ 'net/ipv4/tcp_syncookies': '0' }, {}),
    () => helper.giveToQemu('/etc/passwd'),
    () => helper.giveToQemu(join(dataDirectory, 'link/passwd')),
    () => helper.giveToQemu(join(dataDirectory, 'other')),
    () => helper.giveToQemu(join(dataDirectory, '../x')),
    () => helper.listen({ netns: 'default', address: '127.0.0.1', port: 80 }),
    () => helper.startDaemon({ ...daemon, args: ['--dhcp-script=/bin/sh'] }),
    () => helper.startDaemon({ ...daemon, args: ['--dhcp-hostsfile=/etc/passwd'] }),
    () => helper.startDaemon({ ...daemon, args: ['--user=root'] }),
    () => helper.startDaemon({ ...daemon, outputFile: '/etc/passwd' }),
    () => helper.startDaemon({ ...daemon, id: '../x' }),
    () => helper.startDaemon({ ...daemon, kind: 'sh' as never }),
    () => helper.signalDaemon('dnsmasq', 'one', 'SIGSTOP' as never),
  ]
  for (const call of refused) await assert.rejects(call, NotAllowed, call.toString())
  await helper.giveToQemu(join(dataDirectory, 'file'))
  assert.equal(statSync(join(dataDirectory, 'file')).uid, 64123)
})

test('a daemon outlives the helper, is found again, started once, and ended by signal', root, async (t) => {
  const { helper, options, dataDirectory } = await helperFor(t, 'hta')
  await helper.netnsAdd('hta-x')
  await helper.ip(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'addr add 10.0.0.2/24 dev veth0'], { netns: 'hta-x' })
  const started = await helper.startDaemon(dnsmasq(dataDirectory))
  assert.deepEqual(await helper.startDaemon(dnsmasq(dataDirectory)), started)
  await eventually('it has become its own user', () => /^Uid:\s+65534/m.test(readFileSync(`/proc/${started.pid}/status`, 'utf8')))

  process.kill(helper.pid, 'SIGKILL')
  await assert.rejects(helper.netnsList(), /ended/)
  const second = await startHelper(options)
  assert.deepEqual(await second.daemons('dnsmasq'), new Map([['one', started]]))
  assert.deepEqual(await second.startDaemon(dnsmasq(dataDirectory)), started)
  assert.equal(await second.signalDaemon('dnsmasq', 'one', 'SIGKILL'), true)
  for (let turn = 0; turn < 100 && (await second.daemons('dnsmasq')).size > 0; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal((await second.daemons('dnsmasq')).size, 0)
  assert.equal(await second.signalDaemon('dnsmasq', 'one', 'SIGHUP'), false)
  await assert.rejects(second.startDaemon({ ...dnsmasq(dataDirectory), args: ['--keep-in-foreground', '--interface=none', '--bind-interfaces', '--port=0', '--dhcp-range=nonsense'] }), /dnsmasq/)
  await second.close()
})

test('a helper whose control plane is killed while it works for it ends without the log telling of a crash', root, async (t) => {
  const { options } = await helperFor(t, 'htc')
  const controlPlane = `
    import { startHelper } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const helper = await startHelper(${JSON.stringify(options)})
    process.kill(helper.pid, 'SIGSTOP')
    for (let asked = 0; asked < 20; asked++) helper.sysctlQuery(['net/ipv4/conf/lo/arp_ignore']).catch(() => {})
    console.log(helper.pid)`
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', controlPlane], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const closed = new Promise((resolve) => child.stderr.on('close', resolve))
  const [pid] = await once(child.stdout, 'data') as [Buffer]
  child.kill('SIGKILL')
  await once(child, 'exit')
  process.kill(Number(pid.toString()), 'SIGCONT')
  // The helper has it as its own, and keeps it open as long as it lives.
  await closed
  assert.equal(log, '')
})

test('a daemon is found again although the helper was killed before it noted the pid', root, async (t) => {
  const { helper, options, dataDirectory } = await helperFor(t, 'hta')
  await helper.netnsAdd('hta-x')
  await helper.ip(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'addr add 10.0.0.2/24 dev veth0'], { netns: 'hta-x' })
  const started = await helper.startDaemon(dnsmasq(dataDirectory))
  process.kill(helper.pid, 'SIGKILL')
  await helper.ended
  const record = join(dataDirectory, 'privileged/dnsmasq/one.json')
  writeFileSync(record, JSON.stringify({ ...JSON.parse(readFileSync(record, 'utf8')), pid: 0, startTime: '' }))

  const second = await startHelper(options)
  assert.deepEqual(await second.startDaemon(dnsmasq(dataDirectory)), started)
  assert.deepEqual(await second.daemons('dnsmasq'), new Map([['one', started]]))
  assert.equal(await second.signalDaemon('dnsmasq', 'one', 'SIGKILL'), true)
  await second.close()
})

test('a daemon whose helper was killed while it was still on its way to its user and its program is found, and ended', root, async (t) => {
  const { options, dataDirectory } = await helperFor(t, 'hta')
  const records = join(dataDirectory, 'privileged')
  const keeper = daemonKeeper(options, records, () => '/usr/bin/sleep')
  const command = ['/usr/bin/sleep', '77.456']
  // It stays before its exec for as long as the test wants.
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)', '--', '--', ...command], { argv0: '/usr/bin/setpriv', stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.on('exit', resolve))
  await new Promise((resolve) => child.on('spawn', resolve))
  writeFileSync(join(records, 'qemu-storage-daemon/one.json'), JSON.stringify({ pid: 0, startTime: '', command }))
  for (let turn = 0; turn < 100 && readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith(process.execPath); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual([...keeper.living('qemu-storage-daemon').values()].map(({ pid }) => pid), [child.pid])
  assert.equal(keeper.signal('qemu-storage-daemon', 'one', 'SIGKILL'), true)
  await ended
  assert.deepEqual(keeper.living('qemu-storage-daemon'), new Map())
})

test('a daemon that could not be recorded, since the disk was full, does not live on unknown', root, async (t) => {
  const { options, dataDirectory } = await helperFor(t, 'hta')
  const records = join(dataDirectory, 'privileged')
  const keeper = daemonKeeper(options, records, () => '/usr/bin/sleep')
  const lives = () => readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith('\0/usr/bin/sleep\x0077.123\0'))
  const starting = keeper.start({ kind: 'qemu-storage-daemon', id: 'one', args: ['77.123'], outputFile: join(dataDirectory, 'out') })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(existsSync(join(records, 'qemu-storage-daemon/one.json')), true, 'noted before it starts')
  // Nothing can be written in this one's place.
  mkdirSync(join(records, 'qemu-storage-daemon/one.json.new'))
  await assert.rejects(starting, /EISDIR/)
  for (let turn = 0; turn < 100 && lives(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(lives(), false)
  assert.deepEqual(keeper.living('qemu-storage-daemon'), new Map())
})

test('programs that nobody recorded are found by the cloud’s namespaces and data, and ended; what is recorded or another cloud’s is not among them', root, async (t) => {
  const [{ helper, dataDirectory }, other] = [await helperFor(t, 'hta'), await helperFor(t, 'htb')]
  await helper.netnsAdd('hta-x')
  await helper.ip(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'addr add 10.0.0.2/24 dev veth0'], { netns: 'hta-x' })
  const recorded = await helper.startDaemon(dnsmasq(dataDirectory))
  assert.deepEqual([await helper.strayPrograms('dnsmasq'), await other.helper.strayPrograms('dnsmasq')], [[], []])

  for (const directory of [dataDirectory, `${dataDirectory}-2`]) {
    mkdirSync(directory, { recursive: true })
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    writeFileSync(join(directory, 'disk'), Buffer.alloc(4096))
  }
  const started = (file: string, ...args: string[]) => {
    const child = spawn(file, args, { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    return child.pid
  }
  const byHand = started('/usr/bin/nsenter', '--net=/run/netns/hta-x', 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--port=0', '--interface=lo')
  const [storage] = [dataDirectory, `${dataDirectory}-2`].map((directory) => started('/usr/bin/qemu-storage-daemon', '--blockdev', `driver=file,filename=${directory}/disk,node-name=disk`))
  const found = async (kind: 'dnsmasq' | 'qemu-storage-daemon') => (await helper.strayPrograms(kind)).map(({ pid }) => pid)
  for (let turn = 0; turn < 100 && (await found('dnsmasq')).length + (await found('qemu-storage-daemon')).length < 2; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual([await found('dnsmasq'), await found('qemu-storage-daemon')], [[byHand], [storage]])
  assert.deepEqual([await other.helper.strayPrograms('dnsmasq'), await other.helper.strayPrograms('qemu-storage-daemon')], [[], []])

  const [stray] = await helper.strayPrograms('dnsmasq')
  assert.ok(stray)
  assert.equal(await helper.signalStray('dnsmasq', recorded, 'SIGKILL'), false, 'it is no stray')
  assert.equal(await other.helper.signalStray('dnsmasq', stray, 'SIGKILL'), false, 'it is another cloud’s')
  assert.equal(await helper.signalStray('dnsmasq', { ...stray, startTime: '1' }, 'SIGKILL'), false, 'it is another process by now')
  await assert.rejects(helper.signalStray('dnsmasq', stray, 'SIGSTOP' as never), NotAllowed)
  assert.equal(await helper.signalStray('dnsmasq', stray, 'SIGKILL'), true)
  for (let turn = 0; turn < 100 && (await found('dnsmasq')).length > 0; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual([await found('dnsmasq'), await helper.daemons('dnsmasq')], [[], new Map([['one', recorded]])])
})

test('words name something in a directory, and not in one that is called nearly so', () => {
  for (const words of ['/data/x', 'file=/data/x,y', '{"filename":"/data/x"}', 'a\0/data/x\0']) assert.equal(isNamed('/data', words), true, words)
  for (const words of ['', '/data', '/data2/x', '/srv/data/x', 'x-/data/y', './data/x']) assert.equal(isNamed('/data', words), false, words)
})

test('a forged pid record does not lead to a stranger', root, async (t) => {
  const { helper, dataDirectory } = await helperFor(t, 'hta')
  mkdirSync(join(dataDirectory, 'privileged/qemu'), { recursive: true })
  writeFileSync(join(dataDirectory, 'privileged/qemu/x.json'), JSON.stringify({ pid: process.pid, startTime: '1', command: ['qemu'] }))
  assert.equal(await helper.signalDaemon('qemu', 'x', 'SIGKILL'), false)
})

test('a socket that listens inside a namespace is served by this process', root, async (t) => {
  const { helper } = await helperFor(t, 'hta')
  await helper.netnsAdd('hta-x')
  await helper.ip(['link set lo up', 'addr add 169.254.169.254/32 dev lo'], { netns: 'hta-x' })
  const server = await helper.listen({ netns: 'hta-x', address: '169.254.169.254', port: 80 })
  t.after(() => server.close())
  const from: string[] = []
  server.on('connection', (socket) => {
    from.push(String(socket.remoteAddress))
    socket.end('HTTP/1.0 200 OK\r\n\r\nhere')
  })
  const answer = await runner.run('/usr/sbin/ip', ['netns', 'exec', 'hta-x', 'busybox', 'wget', '-q', '-O', '-', 'http://169.254.169.254/'], { timeoutSeconds: 5 })
  assert.equal(answer.stdout, 'here')
  assert.deepEqual(from, ['169.254.169.254'])
  await assert.rejects(helper.listen({ netns: 'hta-x', address: '169.254.169.254', port: 80 }), /EADDRINUSE/)
})

test('commands have a deadline, limits and a capped output, and are killed with their children', async () => {
  await assert.rejects(runner.run('/bin/sleep', ['10'], { timeoutSeconds: 0.1 }), /took too long/)
  await assert.rejects(runner.run('/bin/false', [], { timeoutSeconds: 5 }), { exitCode: 1 })
  await assert.rejects(runner.run('/none', [], { timeoutSeconds: 5 }), /ENOENT/)
  const echoed = await runner.run('/bin/cat', [], { timeoutSeconds: 5, input: 'a'.repeat(100_000) })
  assert.equal(echoed.stdout.length, 100_000)
  const limited = await runner.run('/usr/bin/prlimit', ['--raw', '--noheadings', '--as', '-o', 'SOFT'], { timeoutSeconds: 5, limits: { addressSpaceBytes: 1 << 30, cpuSeconds: 3 } })
  assert.equal(limited.stdout.trim(), String(1 << 30))
  const long = await runner.run('/usr/bin/head', ['-c', '9000000', '/dev/zero'], { timeoutSeconds: 5 })
  assert.equal(long.stdout.length, 8 * 1024 * 1024)
})
