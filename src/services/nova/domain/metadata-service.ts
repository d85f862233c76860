// Answers a guest that asks about itself: who it is was established by neutron's agent, which signs the server's id.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RequestContext } from '#core/context'
import { BadRequest, Forbidden, NotFound } from '#core/errors'
import { InstanceNotFound } from '../model/errors.ts'
import { contentFiles, ec2MetaData, ec2Versions, isTree, type Leaf, type MetadataFacts, openstackFiles, openstackVersions, type Tree } from '../model/metadata-tree.ts'
import { guestNetwork } from '../neighbours/network.ts'
import type { Nova } from './nova.ts'
import { describeForHost } from './servers/describe-for-host.ts'

export interface GuestQuestion {
  readonly path: string
  readonly instanceId: string | undefined
  readonly projectId: string | undefined
  readonly signature: string | undefined
}

export interface GuestAnswer {
  readonly body: Buffer
  readonly contentType: string
}

interface Kept {
  readonly facts: Promise<MetadataFacts>
  readonly until: number
}

/** As upstream's metadata_cache_expiration. */
const keptMs = 15_000
const keptServers = 1000

/** @throws BadRequest, Forbidden for an unsigned question, NotFound */
export function createMetadataService(nova: Nova): (ctx: RequestContext, question: GuestQuestion) => Promise<GuestAnswer> {
  const kept = new Map<string, Kept>()

  return async (ctx, question) => {
    // Which versions there are everybody may know.
    if (partsOf(question.path).length === 0) return lines([...ec2Versions])
    const serverId = identify(nova, question)
    const now = nova.runtime.clock.monotonic()
    let known = kept.get(serverId)
    if (!known || known.until < now) {
      if (kept.size >= keptServers) kept.clear()
      kept.set(serverId, (known = { facts: gatherFacts(nova, ctx, serverId), until: now + keptMs }))
      known.facts.catch(() => kept.delete(serverId))
    }
    const facts = await known.facts
    if (facts.server.projectId !== question.projectId) throw new NotFound('The resource could not be found.')
    return answer(facts, question.path)
  }
}

function identify({ settings }: Nova, { instanceId, projectId, signature }: GuestQuestion): string {
  if (instanceId === undefined || instanceId === '') throw new BadRequest('X-Instance-ID header is missing from request.')
  if (signature === undefined) throw new BadRequest('X-Instance-ID-Signature header is missing from request.')
  if (projectId === undefined || projectId === '') throw new BadRequest('X-Tenant-ID header is missing from request.')
  const secret = settings.metadata_proxy_shared_secret
  const expected = createHmac('sha256', secret).update(instanceId).digest()
  const given = Buffer.from(signature, 'hex')
  if (secret === '' || given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Forbidden('Invalid proxy request signature.')
  return instanceId
}

async function gatherFacts(nova: Nova, ctx: RequestContext, serverId: string): Promise<MetadataFacts> {
  const server = await describeForHost(nova, serverId).catch((error: unknown) => {
    throw error instanceof InstanceNotFound ? nothing() : error
  })
  return {
    server, ...(await guestNetwork(nova.runtime, ctx, server.ports)), domain: nova.settings.dhcp_domain, randomSeed: nova.runtime.random.bytes(512).toString('base64'),
  }
}

const plain = (text: string): GuestAnswer => ({ body: Buffer.from(text), contentType: 'text/plain; charset=UTF-8' })
const lines = (names: readonly string[]) => plain(names.join('\n'))
const nothing = () => new NotFound('The resource could not be found.')

const partsOf = (path: string) => path.split('/').filter((part) => part !== '')

function answer(facts: MetadataFacts, path: string): GuestAnswer {
  const [first, ...rest] = partsOf(path)
  if (first === 'openstack') return answerOpenstack(facts, rest)
  const [version, ...more] = first === 'ec2' ? rest : partsOf(path)
  if (version === undefined) return lines([...ec2Versions])
  if (!(ec2Versions as readonly string[]).includes(version)) throw nothing()
  return answerEc2(facts, version, more)
}

function answerOpenstack(facts: MetadataFacts, [version, name, ...more]: readonly string[]): GuestAnswer {
  if (version === undefined) return lines([...openstackVersions])
  if (version === 'content') {
    const content = name === undefined || more.length > 0 ? undefined : contentFiles(facts.server).get(name)
    if (!content) throw nothing()
    return { body: content, contentType: 'application/octet-stream' }
  }
  if (!(openstackVersions as readonly string[]).includes(version) || more.length > 0) throw nothing()
  const files = openstackFiles(facts, version)
  if (name === undefined) return lines([...files.keys()])
  const body = files.get(name)
  if (!body) throw nothing()
  return { body, contentType: name.endsWith('.json') ? 'application/json' : 'application/octet-stream' }
}

function answerEc2(facts: MetadataFacts, version: string, [kind, ...path]: readonly string[]): GuestAnswer {
  const { userData, key } = facts.server
  if (kind === undefined) return lines(['meta-data/', ...(userData === null ? [] : ['user-data'])])
  if (kind === 'user-data' && path.length === 0) {
    if (userData === null) throw nothing()
    return { body: Buffer.from(userData, 'base64'), contentType: 'text/plain; charset=UTF-8' }
  }
  if (kind !== 'meta-data') throw nothing()
  let here: Leaf | Tree | undefined = ec2MetaData(facts, version)
  for (const part of path) here = isTree(here) && Object.hasOwn(here, part) ? here[part] : undefined
  if (here === undefined) throw nothing()
  if (!isTree(here)) return lines([here].flat().map(String))
  if (path.at(-1) === 'public-keys' && path.length === 1) return lines([`0=${key?.name ?? ''}`])
  return lines(Object.entries(here).map(([name, value]) => (isTree(value) ? `${name}/` : name)).sort())
}
