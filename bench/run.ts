// Measures an OpenStack endpoint, and another one in the same run where one is given; prints rates and ratios.
//
//   node bench/run.ts [--only token,port,boot] [--seconds 5] [--json]
//
// The endpoint comes from OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME (an admin); the one beside it from the same names
// with BESIDE_ before them. The cloud should have drivers that boot in no time (`--driver fake`), since hardware is not what is measured.
import { parseArgs } from 'node:util'
import { Cloud, type Endpoint } from './client.ts'
import { sample, type Sample } from './measure.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, seconds: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } } })
const seconds = Number(values.seconds)
const wanted = new Set(values.only?.split(',') ?? ['token', 'port', 'boot'])
const tag = `bench-${process.pid}`

function endpoint(prefix: string): Endpoint | undefined {
  const read = (name: string) => process.env[`${prefix}${name}`]
  const [authUrl, user, password, project] = [read('OS_AUTH_URL'), read('OS_USERNAME'), read('OS_PASSWORD'), read('OS_PROJECT_NAME')]
  return authUrl && user && password && project ? { authUrl, user, password, project } : undefined
}

async function measureAll(cloud: Cloud): Promise<Sample[]> {
  const samples: Sample[] = []
  const options = { concurrency: 8, seconds, warmUp: 200 }
  if (wanted.has('token')) {
    samples.push(await sample('token validation', { ...options, warmUp: 2000 }, async () => {
      await cloud.call('identity', 'GET', '/auth/tokens', undefined, [200], { 'x-subject-token': cloud.token })
    }))
  }
  if (wanted.has('port') || wanted.has('boot')) {
    const { network } = (await cloud.call('network', 'POST', '/v2.0/networks', { network: { name: tag } })).body
    const { subnet } = (await cloud.call('network', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.64.0.0/16' } })).body
    try {
      if (wanted.has('port')) samples.push(await measurePorts(cloud, String(network.id), options))
      if (wanted.has('boot')) samples.push(...(await measureBoots(cloud, String(network.id), options)))
    } finally {
      await cloud.call('network', 'DELETE', `/v2.0/subnets/${subnet.id}`)
      await cloud.call('network', 'DELETE', `/v2.0/networks/${network.id}`)
    }
  }
  return samples
}

async function measurePorts(cloud: Cloud, network: string, options: { concurrency: number; seconds: number; warmUp: number }): Promise<Sample> {
  const project = (await cloud.call('identity', 'GET', '/auth/tokens', undefined, [200], { 'x-subject-token': cloud.token })).body.token.project.id
  await cloud.call('network', 'PUT', `/v2.0/quotas/${project}`, { quota: { port: -1 } })
  const ports: string[] = []
  const made = await sample('port create', options, async () => {
    ports.push(String((await cloud.call('network', 'POST', '/v2.0/ports', { port: { network_id: network } })).body.port.id))
  })
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let port = ports.pop(); port !== undefined; port = ports.pop()) await cloud.call('network', 'DELETE', `/v2.0/ports/${port}`)
  }))
  return made
}

async function measureBoots(cloud: Cloud, network: string, options: { concurrency: number; seconds: number; warmUp: number }): Promise<Sample[]> {
  const project = (await cloud.call('identity', 'GET', '/auth/tokens', undefined, [200], { 'x-subject-token': cloud.token })).body.token.project.id
  await cloud.call('compute', 'PUT', `/os-quota-sets/${project}`, { quota_set: { instances: -1, cores: -1, ram: -1 } })
  const image = (await cloud.call('image', 'GET', '/v2/images?status=active')).body.images[0]
  if (!image) throw new Error('The cloud needs an active image to boot from.')
  const flavor = (await cloud.call('compute', 'POST', '/flavors', { flavor: { name: tag, ram: Math.max(64, image.min_ram), vcpus: 1, disk: Math.max(1, image.min_disk) } })).body.flavor.id
  const accepted: number[] = []
  const servers: string[] = []
  const remove = async (id: string) => {
    await cloud.call('compute', 'DELETE', `/servers/${id}`)
    for (;;) if ((await cloud.call('compute', 'GET', `/servers/${id}`, undefined, [200, 404])).status === 404) return
  }
  const boots = await sample('server create to ACTIVE', { ...options, warmUp: 20, most: 1500 }, async (index) => {
    const started = performance.now()
    const { server } = (await cloud.call('compute', 'POST', '/servers', { server: { name: `${tag}-${index}`, imageRef: image.id, flavorRef: flavor, networks: [{ uuid: network }] } }, [202])).body
    accepted.push(performance.now() - started)
    servers.push(String(server.id))
    for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
      const shown = (await cloud.call('compute', 'GET', `/servers/${server.id}`)).body.server
      if (shown.status === 'ACTIVE') break
      if (shown.status === 'ERROR') throw new Error(`the server failed: ${shown.fault?.message}`)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  })
  accepted.sort((a, b) => a - b)
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let id = servers.pop(); id !== undefined; id = servers.pop()) await remove(id)
  }))
  await cloud.call('compute', 'DELETE', `/flavors/${flavor}`)
  return [
    { ...boots, unit: 'a minute', rate: boots.rate * 60 },
    { name: 'POST /servers answered', unit: 'a second', rate: boots.rate, medianMs: accepted[accepted.length >> 1] ?? 0, p99Ms: accepted[Math.floor(accepted.length * 0.99)] ?? 0, count: accepted.length },
  ]
}

const own = endpoint('')
if (!own) throw new Error('Set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME: eval "$(./nimbo openrc admin)"')
const results = await measureAll(await Cloud.logIn(own))
const other = endpoint('BESIDE_')
const beside = other ? await measureAll(await Cloud.logIn(other)) : []
const rows = results.map((result) => {
  const peer = beside.find((each) => each.name === result.name)
  return { ...result, ...(peer && { beside: peer, ratio: result.rate / peer.rate }) }
})
if (values.json) console.log(JSON.stringify(rows, null, 2))
else {
  for (const row of rows) {
    const ratio = 'ratio' in row && row.ratio !== undefined ? `   ${row.ratio.toFixed(1)} times the one beside it` : ''
    console.log(`${row.name.padEnd(28)} ${row.rate.toFixed(0).padStart(7)} ${row.unit.padEnd(9)} median ${row.medianMs.toFixed(2).padStart(8)} ms   p99 ${row.p99Ms.toFixed(1).padStart(8)} ms   n ${row.count}${ratio}`)
  }
}
process.exit(0)
