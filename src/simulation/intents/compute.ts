// What people want of servers.
import { act, type Actor, change, create, heed, type Intent, remove, some } from './actor.ts'

const bootServer: Intent = async (actor) => {
  const { dice, template } = actor
  const network = some(actor, 'network')
  const port = dice.happens(0.3) ? some(actor, 'port') : undefined
  const volume = dice.happens(0.25) ? some(actor, 'volume') : undefined
  const networks = port ? [{ port: port.id }] : network && dice.happens(0.85) ? [{ uuid: network.id }] : 'none'
  const disks: object[] = [{ source_type: 'image', uuid: template.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true }]
  if (dice.happens(0.3)) disks.push({ source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: dice.happens(0.7) })
  if (volume) disks.push({ source_type: 'volume', uuid: volume.id, destination_type: 'volume', boot_index: -1, delete_on_termination: false })
  const bootable = dice.happens(0.15)
  const name = `server-${dice.integer(1000)}`
  const flavorRef = dice.one(['1', '2'])
  const two = dice.happens(0.1)
  const group = dice.happens(0.5) ? some(actor, 'server-group') : undefined
  const friends = networks !== 'none' && !port && dice.happens(0.5) ? some(actor, 'security-group') : undefined
  const reply = await actor.person.call('nova', 'POST', '/v2.1/servers', {
    server: {
      name, flavorRef, networks,
      ...(bootable
        ? { block_device_mapping_v2: [{ source_type: 'image', uuid: template.imageId, destination_type: 'volume', volume_size: 1, boot_index: 0, delete_on_termination: true }] }
        : { imageRef: template.imageId, ...(disks.length > 1 && { block_device_mapping_v2: disks }) }),
      ...(two && { min_count: 2, max_count: 2 }),
      ...(friends && { security_groups: [{ name: friends.id }] }),
    },
    ...(group && { 'os:scheduler_hints': { group: group.id } }),
  }, { 'openstack-api-version': 'compute 2.37' })
  heed(actor, reply)
  if (reply.status !== 202) return
  const entry = actor.ledger.add('server', String(reply.body.server.id), actor.project)
  if (two) entry.together = 2
  if (group) actor.ledger.changes.ask({ noun: 'server', id: entry.id, of: 'group' }, group.id)(reply)
}

const deleteServer: Intent = async (actor) => {
  const server = some(actor, 'server')
  if (server) await remove(actor, server, 'nova', `/v2.1/servers/${server.id}`)
}

const action = (body: (actor: Actor) => object): Intent => async (actor) => {
  const server = some(actor, 'server')
  if (server) await act(actor, server, 'nova', 'POST', `/v2.1/servers/${server.id}/action`, body(actor))
}

const attachVolume: Intent = async (actor) => {
  const [server, volume] = [some(actor, 'server'), some(actor, 'volume')]
  if (server && volume) await act(actor, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
}

const detachVolume: Intent = async (actor) => {
  const server = some(actor, 'server')
  if (!server) return
  const { status, body } = await act(actor, server, 'nova', 'GET', `/v2.1/servers/${server.id}/os-volume_attachments`)
  const attached: readonly { volumeId: string }[] = status === 200 ? body.volumeAttachments : []
  if (attached.length > 0) await act(actor, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-volume_attachments/${actor.dice.one(attached).volumeId}`)
}

const attachInterface: Intent = async (actor) => {
  const [server, network, port] = [some(actor, 'server'), some(actor, 'network'), some(actor, 'port')]
  if (!server || (!network && !port)) return
  const what = port && (!network || actor.dice.happens(0.5)) ? { port_id: port.id } : { net_id: network?.id }
  await act(actor, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-interface`, { interfaceAttachment: what })
}

const detachInterface: Intent = async (actor) => {
  const server = some(actor, 'server')
  if (!server) return
  const { status, body } = await act(actor, server, 'nova', 'GET', `/v2.1/servers/${server.id}/os-interface`)
  const attached: readonly { port_id: string }[] = status === 200 ? body.interfaceAttachments : []
  if (attached.length === 0) return
  const { port_id: portId } = actor.dice.one(attached)
  const reply = await act(actor, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-interface/${portId}`)
  // Ports that people made are let go, or deleted with the interface, as nova made or was given them.
  if (reply.status === 202 || reply.status === 0 || reply.status >= 500) {
    const entry = actor.ledger.find(portId)
    if (entry && entry.removal === 'none') entry.removal = 'perhaps'
  }
}

const renameServer: Intent = async (actor) => {
  const server = some(actor, 'server')
  if (!server) return
  const name = `renamed-${actor.dice.integer(1000)}`
  await change(actor, server, { name }, 'nova', `/v2.1/servers/${server.id}`, { server: { name } })
}

const createServerGroup: Intent = async (actor) => {
  const { dice } = actor
  await create(actor, 'server-group', 'nova', '/v2.1/os-server-groups', { server_group: { name: `group-${dice.integer(1000)}`, policies: [dice.one(['anti-affinity', 'affinity'])] } })
}

const deleteServerGroup: Intent = async (actor) => {
  const group = some(actor, 'server-group')
  if (group) await remove(actor, group, 'nova', `/v2.1/os-server-groups/${group.id}`)
}

const lookAtServers: Intent = async (actor) => {
  const reply = await actor.person.call('nova', 'GET', '/v2.1/servers/detail')
  if (reply.status !== 200) return
  const ids: readonly string[] = reply.body.servers.map((server: { id: string }) => server.id)
  if (new Set(ids).size !== ids.length) actor.violated('a server is in the list twice')
}

export const computeIntents: Readonly<Record<string, readonly [weight: number, Intent]>> = {
  'boot a server': [10, bootServer],
  'delete a server': [6, deleteServer],
  'stop a server': [3, action(() => ({ 'os-stop': null }))],
  'start a server': [3, action(() => ({ 'os-start': null }))],
  'reboot a server': [3, action(({ dice }) => ({ reboot: { type: dice.one(['SOFT', 'HARD']) } }))],
  'attach a volume': [5, attachVolume],
  'detach a volume': [4, detachVolume],
  'attach an interface': [3, attachInterface],
  'detach an interface': [3, detachInterface],
  'rename a server': [1, renameServer],
  'create a server group': [3, createServerGroup],
  'delete a server group': [0.5, deleteServerGroup],
  'look at the servers': [1, lookAtServers],
}

