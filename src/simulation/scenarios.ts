// Fixed stories, one for each kind of operation: they are killed at every point where they can be, one point after the other.
import { act, change, create, remember, remove } from './intents/actor.ts'
import { identityIntents } from './intents/identity.ts'
import type { Entry } from './ledger.ts'
import { action, boot, moveToOtherAgent, networkOf, portOf, removeServer, settled, settledVolume, type Story, volumeOf } from './storyteller.ts'

export const scenarios: Readonly<Record<string, Story>> = {
  async 'boot with everything, then delete'(teller) {
    const net = await networkOf(teller)
    const port = net && (await create(teller, 'port', 'neutron', '/v2.0/ports', { port: { network_id: net.network } }))
    const volume = await volumeOf(teller)
    const nics = [...(port === undefined ? [] : [{ port }]), ...(net ? [{ uuid: net.network }] : [])]
    const server = await boot(teller, {
      networks: nics.length === 0 ? 'none' : nics,
      block_device_mapping_v2: [
        { source_type: 'image', uuid: teller.template.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
        ...(volume ? [{ source_type: 'volume', uuid: volume.id, destination_type: 'volume', boot_index: -1, delete_on_termination: false }] : []),
      ],
    })
    if (!server) return
    await settled(teller, server)
    await removeServer(teller, server)
  },
  async 'boot from a new volume with the image, then delete'(teller) {
    const server = await boot(teller, {
      imageRef: undefined,
      block_device_mapping_v2: [{ source_type: 'image', uuid: teller.template.imageId, destination_type: 'volume', volume_size: 1, boot_index: 0, delete_on_termination: true }],
    })
    if (!server) return
    await settled(teller, server)
    await removeServer(teller, server)
  },
  async 'delete while it is built'(teller) {
    const net = await networkOf(teller)
    const server = await boot(teller, net ? { networks: [{ uuid: net.network }] } : {})
    if (server) await removeServer(teller, server)
  },
  async 'stop, start and reboot'(teller) {
    const server = await boot(teller)
    if (!server) return
    for (const body of [{ 'os-stop': null }, { 'os-start': null }, { reboot: { type: 'SOFT' } }, { reboot: { type: 'HARD' } }]) {
      await settled(teller, server)
      await action(teller, server, body)
    }
    await settled(teller, server)
  },
  async 'attach and detach a volume'(teller) {
    const [server, volume] = [await boot(teller), await volumeOf(teller)]
    if (!server || !volume) return
    await settled(teller, server)
    await act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
    await settledVolume(teller, volume.id)
    await act(teller, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-volume_attachments/${volume.id}`)
    await settledVolume(teller, volume.id)
    await remove(teller, volume, 'cinder', `/v3/${teller.person.projectId}/volumes/${volume.id}`)
  },
  async 'attach and detach interfaces'(teller) {
    const [server, net] = [await boot(teller), await networkOf(teller)]
    if (!server || !net) return
    await settled(teller, server)
    const port = await create(teller, 'port', 'neutron', '/v2.0/ports', { port: { network_id: net.network } })
    for (const what of [{ net_id: net.network }, ...(port === undefined ? [] : [{ port_id: port }])]) {
      const { status, body } = await act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-interface`, { interfaceAttachment: what })
      if (status !== 200) continue
      const attached = String(body.interfaceAttachment.port_id)
      const reply = await act(teller, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-interface/${attached}`)
      const entry = teller.ledger.find(attached)
      if (entry && reply.status !== 409) entry.removal = 'perhaps'
    }
  },
  async 'a port is taken from its server in neutron, given to another one, and taken and given again'(teller) {
    const net = await networkOf(teller)
    const id = net && (await create(teller, 'port', 'neutron', '/v2.0/ports', { port: { network_id: net.network } }))
    const port = id === undefined ? undefined : teller.ledger.find(id)
    const [former, next] = port ? [await boot(teller, { networks: [{ port: id }] }), await boot(teller)] : []
    if (!port || !former || !next) return
    for (const server of [former, next]) await settled(teller, server)
    for (let times = 0; times < 2; times++) {
      await act(teller, port, 'neutron', 'PUT', `/v2.0/ports/${port.id}`, { port: { device_id: '', device_owner: '' } })
      await act(teller, next, 'nova', 'POST', `/v2.1/servers/${next.id}/os-interface`, { interfaceAttachment: { port_id: port.id } })
    }
  },
  async 'a volume that goes with its server is detached while that is deleted'(teller) {
    const volume = await volumeOf(teller)
    if (!volume) return
    volume.removal = 'perhaps'
    const server = await boot(teller, {
      block_device_mapping_v2: [
        { source_type: 'image', uuid: teller.template.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
        { source_type: 'volume', uuid: volume.id, destination_type: 'volume', boot_index: -1, delete_on_termination: true },
      ],
    })
    if (!server) return
    await settled(teller, server)
    const { status, headers } = await act(teller, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-volume_attachments/${volume.id}`)
    await removeServer(teller, server)
    if (status !== 202) return
    const { body } = await teller.person.call('nova', 'GET', `/v1/operations/${headers['nimbo-operation-id']}`)
    // Carried out, or called off by the deletion only: the volume stays.
    if (['done', 'cancelled'].includes(body?.operation?.status)) volume.removal = 'none'
  },
  async 'give a server one more address, and take one'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    if (!server) return
    await settled(teller, server)
    await action(teller, server, { addFixedIp: { networkId: net.network } })
    const port = await portOf(teller, server)
    const { body } = await teller.person.call('neutron', 'GET', `/v2.0/ports/${port}`)
    const address: unknown = body?.port?.fixed_ips[0]?.ip_address
    if (address !== undefined) await action(teller, server, { removeFixedIp: { address } })
  },
  async 'create and delete volumes'(teller) {
    const volumes = [await volumeOf(teller), await volumeOf(teller, { imageRef: teller.template.imageId })]
    for (const volume of volumes) if (volume) await remove(teller, volume, 'cinder', `/v3/${teller.person.projectId}/volumes/${volume.id}`)
  },
  async 'upload and delete an image'(teller) {
    const id = await create(teller, 'image', 'glance', '/v2/images', { name: 'told', disk_format: 'raw', container_format: 'bare' } as never)
    const image = id === undefined ? undefined : teller.ledger.find(id)
    if (!image) return
    await teller.person.call('glance', 'PUT', `/v2/images/${id}/file`, `the bytes of ${id}`, { 'content-type': 'application/octet-stream' })
    await remove(teller, image, 'glance', `/v2/images/${id}`)
  },
  async 'a router with an interface, a gateway and a floating address, and back'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    const router = await create(teller, 'router', 'neutron', '/v2.0/routers', { router: { name: 'told', external_gateway_info: { network_id: teller.template.publicNetworkId } } })
    const entry = router === undefined ? undefined : teller.ledger.find(router)
    if (!net || !entry || !server) return
    await change(teller, entry, { [`interface ${net.subnet}`]: 'there' }, 'neutron', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: net.subnet })
    await settled(teller, server)
    const port = await portOf(teller, server)
    const address = await create(teller, 'floatingip', 'neutron', '/v2.0/floatingips', { floatingip: { floating_network_id: teller.template.publicNetworkId, ...(port !== undefined && { port_id: port }) } })
    const floating = address === undefined ? undefined : teller.ledger.find(address)
    if (floating) await remove(teller, floating, 'neutron', `/v2.0/floatingips/${address}`)
    await change(teller, entry, { gateway: 'none' }, 'neutron', `/v2.0/routers/${router}`, { router: { external_gateway_info: null } })
    await change(teller, entry, { [`interface ${net.subnet}`]: 'gone' }, 'neutron', `/v2.0/routers/${router}/remove_router_interface`, { subnet_id: net.subnet })
    await remove(teller, entry, 'neutron', `/v2.0/routers/${router}`)
    await removeServer(teller, server)
    const network = teller.ledger.find(net.network)
    if (network) await remove(teller, network, 'neutron', `/v2.0/networks/${net.network}`)
  },
  async 'a network and a router that are taken from their agents and given to those of the other host'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    const router = await create(teller, 'router', 'neutron', '/v2.0/routers', { router: { name: 'told', external_gateway_info: { network_id: teller.template.publicNetworkId } } })
    const entry = router === undefined ? undefined : teller.ledger.find(router)
    if (!net || !server || !entry) return
    await change(teller, entry, { [`interface ${net.subnet}`]: 'there' }, 'neutron', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: net.subnet })
    await settled(teller, server)
    await moveToOtherAgent(teller, 'DHCP agent', `/v2.0/networks/${net.network}/dhcp-agents`, 'dhcp-networks', { network_id: net.network })
    await moveToOtherAgent(teller, 'L3 agent', `/v2.0/routers/${router}/l3-agents`, 'l3-routers', { router_id: entry.id })
  },
  async 'a security group on a port in use'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    const group = await create(teller, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: 'told' } })
    if (!server || group === undefined) return
    await settled(teller, server)
    const port = await portOf(teller, server)
    if (port === undefined) return
    await teller.person.call('neutron', 'PUT', `/v2.0/ports/${port}`, { port: { security_groups: [group] } })
    await create(teller, 'security-group-rule', 'neutron', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 } }, group)
    await teller.person.call('neutron', 'PUT', `/v2.0/ports/${port}`, { port: { security_groups: [] } })
    const entry = teller.ledger.find(group)
    if (entry) await remove(teller, entry, 'neutron', `/v2.0/security-groups/${group}`)
  },
  async 'servers that are deleted at different moments of their build'(teller) {
    const net = await networkOf(teller)
    for (const moment of [40, 90]) {
      const server = await boot(teller, {
        networks: net ? [{ uuid: net.network }] : 'none',
        block_device_mapping_v2: [
          { source_type: 'image', uuid: teller.template.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
          { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
        ],
      })
      await teller.pause(moment)
      if (server) await removeServer(teller, server)
    }
  },
  async 'servers that cannot be built'(teller) {
    const net = await networkOf(teller)
    const volume = await volumeOf(teller)
    const reply = net && (await teller.person.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: net.network, fixed_ips: [{ ip_address: '10.9.0.9' }] } }))
    const port = reply && remember(teller, 'port', reply, reply.body?.port)
    const image = await create(teller, 'image', 'glance', '/v2/images', { name: 'told', disk_format: 'raw', container_format: 'bare' } as never)
    const entry = image === undefined ? undefined : teller.ledger.find(image)
    if (!net || !volume || port === undefined || !entry) return
    await teller.person.call('glance', 'PUT', `/v2/images/${image}/file`, `the bytes of ${image}`, { 'content-type': 'application/octet-stream' })
    const disks = [
      { source_type: 'image', uuid: image, destination_type: 'local', boot_index: 0, delete_on_termination: true },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
      { source_type: 'volume', uuid: volume.id, destination_type: 'volume', boot_index: -1, delete_on_termination: false },
    ]
    // One wants an address that is taken; the image of the other goes while it is built.
    const refused = await boot(teller, { imageRef: image, networks: [{ uuid: net.network, fixed_ip: '10.9.0.9' }], block_device_mapping_v2: disks })
    if (refused) await settled(teller, refused)
    const broken = await boot(teller, { imageRef: image, networks: [{ port }, { uuid: net.network }], block_device_mapping_v2: disks })
    await remove(teller, entry, 'glance', `/v2/images/${image}`)
    if (!broken) return
    await settled(teller, broken)
    await removeServer(teller, broken)
  },
  async 'the ports of a server are deleted while it is built, and after'(teller) {
    const net = await networkOf(teller)
    if (!net) return
    for (const moment of [40, 70, 100]) {
      const port = await create(teller, 'port', 'neutron', '/v2.0/ports', { port: { network_id: net.network } })
      const given = port === undefined ? undefined : teller.ledger.find(port)
      const server = await boot(teller, { networks: [...(port === undefined ? [] : [{ port }]), { uuid: net.network }] })
      await teller.pause(moment)
      if (given) await remove(teller, given, 'neutron', `/v2.0/ports/${given.id}`)
      if (!server) continue
      await settled(teller, server)
      const made = await portOf(teller, server)
      if (made !== undefined) await teller.person.call('neutron', 'DELETE', `/v2.0/ports/${made}`)
    }
  },
  async 'a server is deleted while a volume and an interface are attached'(teller) {
    const [server, volume, net] = [await boot(teller), await volumeOf(teller), await networkOf(teller)]
    if (!server || !volume || !net) return
    await settled(teller, server)
    const both = [
      act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }),
      act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-interface`, { interfaceAttachment: { net_id: net.network } }),
    ]
    await teller.pause(30)
    await removeServer(teller, server)
    await Promise.all(both)
  },
  async 'a volume that one server has is refused to another, and an interface that cannot be made'(teller) {
    const [first, second, volume, net] = [await boot(teller), await boot(teller), await volumeOf(teller), await networkOf(teller)]
    if (!first || !second || !volume || !net) return
    await settled(teller, first)
    await settled(teller, second)
    const attach = (server: Entry) => act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
    await Promise.all([attach(first), attach(second)])
    const interfaceAttachment = { net_id: net.network, fixed_ips: [{ ip_address: '10.9.0.9' }] }
    await Promise.all([first, second].map((server) => act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-interface`, { interfaceAttachment })))
    await settledVolume(teller, volume.id)
  },
  async 'a soft reboot that a hard one overtakes, and a stop that a deletion overtakes'(teller) {
    const server = await boot(teller)
    if (!server) return
    await settled(teller, server)
    await action(teller, server, { reboot: { type: 'SOFT' } })
    await action(teller, server, { reboot: { type: 'HARD' } })
    await settled(teller, server)
    await action(teller, server, { 'os-stop': null })
    await removeServer(teller, server)
  },
  async 'a volume grows, free, in use, and while its server goes'(teller) {
    const [server, volume] = [await boot(teller), await volumeOf(teller)]
    if (!server || !volume) return
    const grow = (size: number) => act(teller, volume, 'cinder', 'POST', `/v3/${teller.person.projectId}/volumes/${volume.id}/action`, { 'os-extend': { new_size: size } }, { 'openstack-api-version': 'volume 3.42' })
    await grow(2)
    await settledVolume(teller, volume.id)
    await settled(teller, server)
    await act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
    await settledVolume(teller, volume.id)
    // The backend cannot: cinder says so, and the volume is as it was.
    await grow(3)
    await settledVolume(teller, volume.id)
    const admin = await teller.admin()
    const grown = { events: [{ name: 'volume-extended', server_uuid: server.id, tag: volume.id, status: 'completed' }] }
    await admin.call('nova', 'POST', '/v2.1/os-server-external-events', grown, { 'openstack-api-version': 'compute 2.51' })
    await settled(teller, server)
    // Its server goes while it grows.
    await Promise.all([grow(3), remove(teller, server, 'nova', `/v2.1/servers/${server.id}`)])
    await settledVolume(teller, volume.id)
  },
  async 'a volume is connected without nova'(teller) {
    const volume = await volumeOf(teller)
    if (!volume) return
    const cinder = (method: string, path: string, body?: object) =>
      teller.person.call('cinder', method, `/v3/${teller.person.projectId}${path}`, body, { 'openstack-api-version': 'volume 3.54' })
    const attachments = async (): Promise<readonly string[] | undefined> => {
      const { status, body } = await cinder('GET', `/attachments?volume_id=${volume.id}`)
      return status === 200 ? body.attachments.map(({ id }: { id: string }) => id) : undefined
    }
    await cinder('POST', '/attachments', { attachment: { volume_uuid: volume.id } })
    for (const id of (await attachments()) ?? []) {
      await cinder('PUT', `/attachments/${id}`, { attachment: { connector: { host: 'elsewhere' } } })
      await cinder('POST', `/attachments/${id}/action`, { 'os-complete': null })
    }
    await teller.until(async () => {
      const left = await attachments()
      for (const id of left ?? []) await cinder('DELETE', `/attachments/${id}`)
      return left?.length === 0
    })
    await settledVolume(teller, volume.id)
    await remove(teller, volume, 'cinder', `/v3/${teller.person.projectId}/volumes/${volume.id}`)
  },
  async 'the subnets of a network in use, and the addresses on it, change'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    if (!net || !server) return
    const network = teller.ledger.find(net.network)
    if (!network) return
    await settled(teller, server)
    await act(teller, network, 'neutron', 'PUT', `/v2.0/subnets/${net.subnet}`, { subnet: { dns_nameservers: ['192.0.2.53'] } })
    const second = await create(teller, 'subnet', 'neutron', '/v2.0/subnets', { subnet: { network_id: net.network, ip_version: 4, cidr: '10.10.0.0/24' } }, net.network)
    const port = await portOf(teller, server)
    if (port !== undefined && second !== undefined) await act(teller, network, 'neutron', 'PUT', `/v2.0/ports/${port}`, { port: { fixed_ips: [{ subnet_id: second }] } })
    await act(teller, network, 'neutron', 'PUT', `/v2.0/subnets/${net.subnet}`, { subnet: { enable_dhcp: false } })
    const first = teller.ledger.find(net.subnet)
    if (first) await remove(teller, first, 'neutron', `/v2.0/subnets/${net.subnet}`)
    await removeServer(teller, server)
    await remove(teller, network, 'neutron', `/v2.0/networks/${net.network}`)
  },
  async 'two servers in a security group whose members may reach each other'(teller) {
    const net = await networkOf(teller)
    const group = await create(teller, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: 'told' } })
    if (!net || group === undefined) return
    await create(teller, 'security-group-rule', 'neutron', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', ethertype: 'IPv4', remote_group_id: group } }, group)
    const booted = [0, 1].map(() => boot(teller, { networks: [{ uuid: net.network }], security_groups: [{ name: 'told' }] }))
    const servers = (await Promise.all(booted)).filter((server) => server !== undefined)
    for (const server of servers) await settled(teller, server)
    const [first] = servers
    if (first) await removeServer(teller, first)
  },
  async 'a group that a rule of another one names is deleted'(teller) {
    const net = await networkOf(teller)
    const [own, other] = [
      await create(teller, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: 'own' } }),
      await create(teller, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: 'other' } }),
    ]
    if (!net || own === undefined || other === undefined) return
    await create(teller, 'security-group-rule', 'neutron', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: own, direction: 'ingress', ethertype: 'IPv4', remote_group_id: other } }, own, other)
    const server = await boot(teller, { networks: [{ uuid: net.network }], security_groups: [{ name: 'own' }] })
    if (server) await settled(teller, server)
    const entry = teller.ledger.find(other)
    if (entry) await remove(teller, entry, 'neutron', `/v2.0/security-groups/${other}`)
  },
  async 'an agent does not answer for a while, and is told what it missed'(teller) {
    const net = await networkOf(teller)
    const server = net && (await boot(teller, { networks: [{ uuid: net.network }] }))
    if (!net || !server) return
    await settled(teller, server)
    for (const host of ['host-1', 'host-2']) for (const agent of ['l2-agent', 'dhcp-agent']) teller.silence(`neutron/${agent}@${host}`, 110_000)
    await teller.pause(90_000)
    const port = await portOf(teller, server)
    const network = teller.ledger.find(net.network)
    if (port !== undefined && network) await act(teller, network, 'neutron', 'PUT', `/v2.0/ports/${port}`, { port: { security_groups: [] } })
    await act(teller, server, 'neutron', 'PUT', `/v2.0/subnets/${net.subnet}`, { subnet: { dns_nameservers: ['192.0.2.53'] } })
    await removeServer(teller, server)
    await teller.pause(60_000)
  },
  async 'guests that cannot be started: one on its first host, one at all'(teller) {
    const net = await networkOf(teller)
    const volume = await volumeOf(teller)
    const port = net && (await create(teller, 'port', 'neutron', '/v2.0/ports', { port: { network_id: net.network } }))
    if (!net || !volume || port === undefined) return
    for (const reason of ['compute.spawn_failed', 'engine.failed']) {
      teller.refuses('hypervisor spawn', 1, reason)
      const server = await boot(teller, {
        networks: [{ port }, { uuid: net.network }],
        block_device_mapping_v2: [
          { source_type: 'image', uuid: teller.template.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
          { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
          { source_type: 'volume', uuid: volume.id, destination_type: 'volume', boot_index: -1, delete_on_termination: false },
        ],
      })
      if (!server) continue
      await settled(teller, server)
      await removeServer(teller, server)
      await settledVolume(teller, volume.id)
    }
  },
  async 'a guest that refuses to be stopped, started and rebooted'(teller) {
    const server = await boot(teller)
    if (!server) return
    const refused = [['powerOff', { 'os-stop': null }], ['powerOn', { 'os-start': null }], ['reboot', { reboot: { type: 'SOFT' } }], ['reboot', { reboot: { type: 'HARD' } }]] as const
    for (const [effect, body] of refused) {
      await settled(teller, server)
      teller.refuses(`hypervisor ${effect}`, 1)
      await action(teller, server, body)
      await settled(teller, server)
      await action(teller, server, body)
    }
    await settled(teller, server)
  },
  async 'a guest that refuses volumes and interfaces, and lets go of none'(teller) {
    const [server, volume, net] = [await boot(teller), await volumeOf(teller), await networkOf(teller)]
    if (!server || !volume || !net) return
    await settled(teller, server)
    const path = `/v2.1/servers/${server.id}`
    const attach = async () => {
      await act(teller, server, 'nova', 'POST', `${path}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
      await settledVolume(teller, volume.id)
      return act(teller, server, 'nova', 'POST', `${path}/os-interface`, { interfaceAttachment: { net_id: net.network } })
    }
    for (const effect of ['attachVolume', 'attachInterface']) teller.refuses(`hypervisor ${effect}`, 1)
    await attach()
    const { status, body } = await attach()
    for (const effect of ['detachVolume', 'detachInterface']) teller.refuses(`hypervisor ${effect}`, 1)
    for (const _try of ['refused', 'done']) {
      await act(teller, server, 'nova', 'DELETE', `${path}/os-volume_attachments/${volume.id}`)
      await teller.pause(500)
      if (status === 200) await act(teller, server, 'nova', 'DELETE', `${path}/os-interface/${body.interfaceAttachment.port_id}`)
      await teller.pause(500)
    }
  },
  async 'volumes that cannot be made, connected, enlarged or deleted at once'(teller) {
    const path = `/v3/${teller.person.projectId}/volumes`
    teller.refuses('cinder create', 1)
    await volumeOf(teller)
    const [server, volume] = [await boot(teller), await volumeOf(teller)]
    if (!server || !volume) return
    await settled(teller, server)
    for (const effect of ['export', 'unexport', 'extend', 'remove']) teller.refuses(`cinder ${effect}`, 1)
    for (const _try of ['refused', 'done']) {
      await act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
      await settledVolume(teller, volume.id)
    }
    await act(teller, server, 'nova', 'DELETE', `/v2.1/servers/${server.id}/os-volume_attachments/${volume.id}`)
    await teller.until(async () => (await teller.person.call('cinder', 'GET', `${path}/${volume.id}`)).body?.volume?.status === 'available')
    await act(teller, volume, 'cinder', 'POST', `${path}/${volume.id}/action`, { 'os-extend': { new_size: 2 } })
    await teller.pause(500)
    // Nobody but its owner takes away what could not grow.
    await teller.until(async () => {
      await remove(teller, volume, 'cinder', `${path}/${volume.id}`)
      return (await teller.person.call('cinder', 'GET', `${path}/${volume.id}`)).status === 404
    })
  },
  async 'servers of a group that shall be apart, and of one that shall be together'(teller) {
    const ask = (group: string) => teller.person.call('nova', 'POST', '/v2.1/servers', { server: { name: 'told', flavorRef: '1', imageRef: teller.template.imageId, networks: 'none' }, 'os:scheduler_hints': { group } }, { 'openstack-api-version': 'compute 2.37' })
    for (const policy of ['anti-affinity', 'affinity']) {
      const group = await create(teller, 'server-group', 'nova', '/v2.1/os-server-groups', { server_group: { name: 'told', policies: [policy] } })
      if (group === undefined) continue
      const servers = (await Promise.all([ask(group), ask(group)])).flatMap((reply) => (reply.status === 202 ? [teller.ledger.add('server', String(reply.body.server.id), teller.project)] : []))
      for (const server of servers) {
        teller.ledger.changes.ask({ noun: 'server', id: server.id, of: 'group' }, group)({ status: 202, repeated: false })
        await settled(teller, server)
      }
    }
  },
  async 'a role is made, given, and goes, and whoever has only that goes with it'(teller) {
    for (const wish of ['create a project', 'create a user', 'create a role', 'give a role', 'log a user in', 'give a role', 'log a user in', 'take a role', 'give a role', 'delete a role']) {
      await identityIntents[wish]?.[1](teller).catch((error: Error) => {
        if (!error.message.includes('could not log in')) throw error
      })
      await teller.pause(20)
    }
  },
  async 'a user gets a role in a project, logs in, loses it, and goes'(teller) {
    for (const wish of ['create a project', 'create a user', 'give a role', 'log a user in', 'take a role', 'give a role', 'log a user in', 'delete a user', 'delete a project']) {
      // Nobody may be there now who lets the administrator in.
      await identityIntents[wish]?.[1](teller).catch((error: Error) => {
        if (!error.message.includes('could not log in')) throw error
      })
      await teller.pause(20)
    }
  },
}
