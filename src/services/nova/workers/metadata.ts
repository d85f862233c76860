// nova-api-metadata: tells a guest about itself. It believes who asks only by the signature that the metadata agent made
// with the shared secret (nova/api/metadata/handler.py).
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiReply, ApiRequest } from '#core/http'
import { ownContext, type Role } from '#core/service'
import { describeForHost } from '../domain/servers/describe-for-host.ts'
import type { Nova } from '../domain/nova.ts'
import { ec2MetaData, ec2Versions, type MetadataFacts, openstackFiles, openstackVersions } from '../model/metadata-tree.ts'
import { listSubnets } from '../neighbours/network.ts'

interface Kept {
  readonly facts: Promise<MetadataFacts>
  readonly until: number
}

/** As upstream's metadata_cache_expiration: a guest asks many times in a row. */
const keepMs = 15_000
const keptServers = 1000

export function startMetadata(nova: Nova): Role {
  const { runtime, settings } = nova
  const { clock, log } = runtime
  const kept = new Map<string, Kept>()

  async function read(serverId: string): Promise<MetadataFacts> {
    const server = await describeForHost(nova, serverId)
    const subnetIds = [...new Set(server.ports.flatMap(({ addresses }) => addresses.map(({ subnetId }) => subnetId)))]
    return {
      server, subnets: await listSubnets(runtime, ownContext(runtime, 'nova-metadata'), subnetIds), securityGroupNames: [], domain: settings.dhcp_domain,
      randomSeed: runtime.random.bytes(512).toString('base64'),
    }
  }

  function factsOf(serverId: string): Promise<MetadataFacts> {
    const now = clock.now().getTime()
    const known = kept.get(serverId)
    if (known && known.until > now) return known.facts
    const facts = read(serverId)
    facts.catch(() => kept.delete(serverId))
    kept.delete(serverId)
    kept.set(serverId, { facts, until: now + keepMs })
    const oldest = kept.keys().next().value
    if (kept.size > keptServers && oldest !== undefined) kept.delete(oldest)
    return facts
  }

  return {
    async transport(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Metadata is read, not written.')
      const serverId = signedServer(request, settings.metadata_proxy_shared_secret)
      if (serverId === undefined) return text(403, 'Invalid proxy request signature.')
      try {
        const facts = await factsOf(serverId)
        if (facts.server.projectId !== request.headers['x-tenant-id']) return text(404, 'Not found.')
        const found = lookUp(facts, request.path)
        return found === undefined ? text(404, 'Not found.') : reply(found)
      } catch (error) {
        if ((error as { status?: number }).status === 404) return text(404, 'Not found.')
        log.error({ err: error, server: serverId, path: request.path }, 'metadata could not be read')
        return text(503, 'Metadata cannot be had now; try again.')
      }
    },
    stop() {},
  }
}

/** The server for whom the metadata agent speaks; undefined when the signature is not by our secret. */
function signedServer({ headers }: ApiRequest, secret: string): string | undefined {
  const [serverId, signature] = [headers['x-instance-id'], headers['x-instance-id-signature']]
  if (secret === '' || serverId === undefined || signature === undefined) return undefined
  const expected = Buffer.from(createHmac('sha256', secret).update(serverId).digest('hex'))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? serverId : undefined
}

type Found = { readonly file: Buffer; readonly json: boolean } | { readonly lines: readonly string[] }

function lookUp(facts: MetadataFacts, path: string): Found | undefined {
  const [first, ...rest] = path.split('/').filter((part) => part !== '')
  if (first === undefined) return { lines: ec2Versions }
  if (first === 'openstack') return lookUpOpenstack(facts, rest)
  if (!(ec2Versions as readonly string[]).includes(first)) return undefined
  const [kind, ...below] = rest
  const userData = facts.server.userData
  if (kind === undefined) return { lines: ['meta-data/', ...(userData === null ? [] : ['user-data'])] }
  if (kind === 'user-data' && below.length === 0 && userData !== null) return { file: Buffer.from(userData, 'base64'), json: false }
  return kind === 'meta-data' ? lookUpEc2(ec2MetaData(facts), below, facts) : undefined
}

function lookUpOpenstack(facts: MetadataFacts, rest: readonly string[]): Found | undefined {
  const [version, name, ...more] = rest
  if (version === undefined) return { lines: openstackVersions }
  if (!(openstackVersions as readonly string[]).includes(version) || more.length > 0) return undefined
  const files = openstackFiles(facts, version)
  if (name === undefined) return { lines: [...files.keys()] }
  const file = files.get(name)
  return file && { file, json: name.endsWith('.json') }
}

type Tree = ReturnType<typeof ec2MetaData>

function lookUpEc2(tree: Tree, path: readonly string[], facts: MetadataFacts): Found | undefined {
  let here: Tree | string = tree
  for (const part of path) {
    if (typeof here === 'string') return undefined
    // A key is listed as `0=name` and asked for by its number.
    const next: Tree | string | undefined = Object.hasOwn(here, part) ? here[part] : undefined
    if (next === undefined) return undefined
    here = next
  }
  if (typeof here === 'string') return { file: Buffer.from(here), json: false }
  const atKeys = path.length === 1 && path[0] === 'public-keys'
  return { lines: Object.entries(here).map(([name, value]) => (atKeys ? `${name}=${facts.server.key?.name ?? ''}` : typeof value === 'string' ? name : `${name}/`)) }
}

function reply(found: Found): ApiReply {
  if ('lines' in found) return text(200, found.lines.join('\n'))
  return { status: 200, headers: { 'content-type': found.json ? 'application/json' : 'text/plain; charset=utf-8' }, body: found.file }
}

function text(status: number, body: string): ApiReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}
