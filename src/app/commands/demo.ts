// `nimbo demo`: from nothing to a server that one is logged in to, step by step, and how to go on from there.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProcessRunner } from '#core/process'
import { testImageName } from '../defaults.ts'
import { logIn, reachOutside, type Session } from '../rest.ts'
import { installPackages } from '../host.ts'
import { layout } from '../layout.ts'
import { demoPackages } from '../packages.ts'
import { type Choices, isRoot, readSettings, type Settings } from '../settings.ts'
import { CommandError, print } from '../terminal.ts'
import { readSecrets } from './openrc.ts'
import { followSteps } from './trace.ts'
import { commandFor, up } from './up.ts'

export interface DemoOptions {
  readonly directory: string
  readonly choices: Choices
  readonly arguments: readonly string[]
  readonly clean: boolean
}

const name = 'nimbo-demo'
const cidr = '192.168.77.0/24'
const bootSeconds = 120

export async function demo(options: DemoOptions): Promise<void> {
  if (options.clean && !readSettings(options.directory)) throw new CommandError('There is no cloud, and so nothing of a demo to remove.')
  // Before the cloud's networks are there.
  if (isRoot() && !options.clean && options.choices.driver !== 'fake') await installPackages(createProcessRunner(), print, demoPackages)
  const settings = await up({ ...options, json: false, quiet: true })
  const session = await logIn(reachOutside(settings), { user: 'demo', password: readSecrets(options.directory).demoPassword, project: 'demo' })
  if (options.clean) {
    await clean(session, options.directory)
    return print('What the demo made is gone.')
  }
  await show(session, options.directory, settings)
}

async function first(session: Session, service: 'neutron' | 'glance' | 'nova' | 'cinder', path: string, collection: string): Promise<any> {
  return (await session.send(service, 'GET', path))[collection].find((each: { name: string }) => each.name === name)
}

async function show(session: Session, directory: string, settings: Settings): Promise<void> {
  const started = performance.now()
  const say = (text: string) => print(`\n▸ ${text}`)
  if (await first(session, 'nova', `/v2.1/servers?name=${name}`, 'servers')) throw new CommandError('The demo runs already. Remove it with `nimbo demo --clean`, then start it anew.')

  say('A keypair, a network with a subnet, a router to the outside, a security group for ssh and ping')
  const keyFile = await makeKey(session, directory)
  const network = await makeNetwork(session)
  await makeSecurityGroup(session)

  say('A server from the test image, with a new volume of 1 GB; the 51 steps of its boot:')
  const server = await makeServer(session, network)
  await followSteps(directory, server)
  await until(bootSeconds, async () => {
    const { status, fault } = (await session.send('nova', 'GET', `/v2.1/servers/${server}`)).server
    if (status === 'ERROR') throw new CommandError(`The server could not be built: ${fault?.message ?? 'no reason given'}`)
    return status === 'ACTIVE'
  })

  say('A floating IP')
  const port = (await session.send('neutron', 'GET', `/v2.0/ports?device_id=${server}`)).ports[0]
  const publicNetwork = (await session.send('neutron', 'GET', '/v2.0/networks?name=public')).networks[0]
  const { floatingip } = await session.send('neutron', 'POST', '/v2.0/floatingips', { floatingip: { floating_network_id: publicNetwork.id, port_id: port.id, description: name } })
  const address = String(floatingip.floating_ip_address)
  print(`  ${port.fixed_ips[0].ip_address} in the network, ${address} from outside`)

  if (settings.driver === 'fake') {
    print('\nFake guests cannot be logged in to. As root, `nimbo demo` boots a real one.')
  } else {
    say(`Logging in over ssh: ssh -i ${keyFile} nimbo@${address}`)
    print(await lookInside(keyFile, address))
  }
  const nimbo = commandFor(directory)
  print(`\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s. To go on:
${settings.driver === 'fake' ? '' : `\n  ssh -i ${keyFile} -o StrictHostKeyChecking=no nimbo@${address}`}
  ${nimbo} trace show ${server}
  eval "$(${nimbo} openrc demo)" && openstack server list
  ${nimbo} demo --clean`)
}

async function makeKey(session: Session, directory: string): Promise<string> {
  const { demo: folder } = layout(directory)
  const file = join(folder, 'id')
  await session.send('nova', 'DELETE', `/v2.1/os-keypairs/${name}`, undefined, { accept: [404] })
  const { keypair } = await session.send('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name } })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(file, String(keypair.private_key), { mode: 0o600 })
  return file
}

async function makeNetwork(session: Session): Promise<string> {
  const publicNetwork = (await session.send('neutron', 'GET', '/v2.0/networks?name=public')).networks[0]
  if (!publicNetwork) throw new CommandError('The network `public` is missing; the demo needs it for the floating IP.')
  const network = (await first(session, 'neutron', `/v2.0/networks?name=${name}`, 'networks')) ?? (await session.send('neutron', 'POST', '/v2.0/networks', { network: { name } })).network
  const subnet = (await first(session, 'neutron', `/v2.0/subnets?name=${name}`, 'subnets')) ??
    (await session.send('neutron', 'POST', '/v2.0/subnets', { subnet: { name, network_id: network.id, ip_version: 4, cidr } })).subnet
  if (!(await first(session, 'neutron', `/v2.0/routers?name=${name}`, 'routers'))) {
    const { router } = await session.send('neutron', 'POST', '/v2.0/routers', { router: { name, external_gateway_info: { network_id: publicNetwork.id } } })
    await session.send('neutron', 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
  }
  return String(network.id)
}

async function makeSecurityGroup(session: Session): Promise<void> {
  const known = await first(session, 'neutron', `/v2.0/security-groups?name=${name}`, 'security_groups')
  if (known) return
  const { security_group: group } = await session.send('neutron', 'POST', '/v2.0/security-groups', { security_group: { name } })
  for (const rule of [{ protocol: 'tcp', port_range_min: 22, port_range_max: 22 }, { protocol: 'icmp' }]) {
    await session.send('neutron', 'POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', ...rule } })
  }
}

async function makeServer(session: Session, network: string): Promise<string> {
  const image = (await session.send('glance', 'GET', `/v2/images?name=${testImageName}`)).images[0]
  if (!image) throw new CommandError(`The image ${testImageName} is missing; the demo boots from it.`)
  const flavor = (await session.send('nova', 'GET', '/v2.1/flavors')).flavors.find((each: { name: string }) => each.name === 'm1.nano')
  const { server } = await session.send('nova', 'POST', '/v2.1/servers', {
    server: {
      name, imageRef: image.id, flavorRef: flavor.id, key_name: name, networks: [{ uuid: network }], security_groups: [{ name }],
      block_device_mapping_v2: [
        { source_type: 'image', destination_type: 'local', uuid: image.id, boot_index: 0, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
      ],
    },
  })
  return String(server.id)
}

async function lookInside(keyFile: string, address: string): Promise<string> {
  const runner = createProcessRunner()
  const script = [
    'echo "  name      $(hostname)"',
    'echo "  address   $(ip -4 -o addr show scope global | head -1 | tr -s " " | cut -d" " -f4)"',
    'echo "  metadata  $(wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json | cut -c1-120)"',
    'echo "  disks     $(grep -o "vd[a-z]*$" /proc/partitions | tr "\\n" " ")"',
    'echo "  uptime    $(cut -d" " -f1 /proc/uptime) s"',
  ].join('; ')
  const ssh = () => runner.run('/usr/bin/ssh', [
    '-i', keyFile, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=5', '-o', 'BatchMode=yes',
    `nimbo@${address}`, script,
  ], { timeoutSeconds: 30 })
  let answer = ''
  await until(bootSeconds, async () => {
    try {
      answer = (await ssh()).stdout
      return true
    } catch {
      return false
    }
  })
  return answer.trimEnd()
}

async function until(seconds: number, done: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    if (await done()) return
    await sleep(250)
  }
  throw new CommandError(`This took longer than ${seconds} s. \`nimbo logs\` may say why.`)
}

async function clean(session: Session, directory: string): Promise<void> {
  const gone = { accept: [404] }
  for (const server of (await session.send('nova', 'GET', `/v2.1/servers?name=${name}`)).servers) {
    await session.send('nova', 'DELETE', `/v2.1/servers/${server.id}`, undefined, gone)
    await until(60, async () => (await session.send('nova', 'GET', `/v2.1/servers/${server.id}`, undefined, gone)) === undefined)
  }
  for (const address of (await session.send('neutron', 'GET', '/v2.0/floatingips')).floatingips) {
    if (address.description === name) await session.send('neutron', 'DELETE', `/v2.0/floatingips/${address.id}`, undefined, gone)
  }
  const router = await first(session, 'neutron', `/v2.0/routers?name=${name}`, 'routers')
  const subnet = await first(session, 'neutron', `/v2.0/subnets?name=${name}`, 'subnets')
  if (router) {
    if (subnet) await session.send('neutron', 'PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }, gone)
    await session.send('neutron', 'DELETE', `/v2.0/routers/${router.id}`, undefined, gone)
  }
  for (const [noun, collection] of [['networks', 'networks'], ['security-groups', 'security_groups']] as const) {
    const found = await first(session, 'neutron', `/v2.0/${noun}?name=${name}`, collection)
    if (found) await session.send('neutron', 'DELETE', `/v2.0/${noun}/${found.id}`, undefined, gone)
  }
  await session.send('nova', 'DELETE', `/v2.1/os-keypairs/${name}`, undefined, gone)
  const { demo: folder } = layout(directory)
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
}
