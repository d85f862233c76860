// What the host needs, so that the external networks are let out: it translates their addresses and forwards.
import type { ExternalNetworkSpec } from '../interface.ts'
import type { Engine } from './engine.ts'
import { asListed, chainAsListed, setAsListed } from './listing.ts'
import type { Names } from './names.ts'

/**
 * The host translates what leaves the external networks, and forwards between them and where its routes lead. Devices
 * that did not forward before are remembered in a set of the cloud's table, and told not to forward between each other.
 */
export async function openHost({ privileged, names, opened }: Engine, networks: readonly ExternalNetworkSpec[], routes: readonly { readonly dev?: string }[]): Promise<void> {
  // Without an external network nothing leaves the fabric, and the host's devices stay as they are.
  const devices = networks.length === 0 ? [] : [...new Set(routes.flatMap(({ dev }) => (dev && dev !== names.hostLink && dev !== 'lo' ? [dev] : [])))]
  const [settings, { own, ofOthers }] = await Promise.all([privileged.sysctlQuery(devices.map(forwarding)), openedDevices(privileged, names.hostTable)])
  for (const device of own) opened.add(device)
  // A device that is gone is not told any more.
  const present = await privileged.sysctlQuery([...opened].map(forwarding))
  for (const device of opened) if (present[forwarding(device)] === undefined) opened.delete(device)
  for (const device of devices) if (settings[forwarding(device)] === '0' || ofOthers.includes(device)) opened.add(device)
  await privileged.nft(`add table ip ${names.hostTable}\ndelete table ip ${names.hostTable}\n${hostRules(names, networks, opened)}`, {})
  await privileged.sysctl(Object.fromEntries([names.hostLink, ...opened].map((device) => [forwarding(device), '1'])), {})
}

export async function closeHost({ privileged, names, opened }: Engine): Promise<void> {
  const { own, ofOthers } = await openedDevices(privileged, names.hostTable)
  const settings = [...new Set([...own, ...opened])].filter((device) => !ofOthers.includes(device)).map(forwarding)
  const present = Object.keys(await privileged.sysctlQuery(settings))
  await privileged.sysctl(Object.fromEntries(present.map((setting) => [setting, '0'])), {})
  await privileged.nft(`add table ip ${names.hostTable}\ndelete table ip ${names.hostTable}\n`, {})
  opened.clear()
}

export function hostRules({ hostTable, hostLink }: Names, networks: readonly ExternalNetworkSpec[], opened: ReadonlySet<string>): string {
  return asListed(`ip ${hostTable}`, [
    setAsListed('opened', ['type ifname'], [...opened].map((name) => `"${name}"`)),
    setAsListed('external', ['type ipv4_addr', 'flags interval', 'auto-merge'], networks.map(({ cidr }) => cidr)),
    chainAsListed('postrouting', 'nat', 100, networks.length > 0 ? [`ip saddr @external ip daddr != @external oifname != "${hostLink}" masquerade`] : []),
    chainAsListed('forward', 'filter', 0, ['iifname @opened oifname @opened drop']),
  ])
}

export const forwarding = (device: string) => `net/ipv4/conf/${device}/forwarding`

/** The devices that this cloud, or another one on the same host, has told to forward. */
async function openedDevices(privileged: Engine['privileged'], hostTable: string) {
  const tables = await privileged.nftQuery(['tables', 'ip'], {})
  const names = tables.map((entry) => (entry['table'] as { name?: string } | undefined)?.name ?? '').filter((name) => name.startsWith('nimbo_'))
  const [own, ofOthers]: [string[], string[]] = [[], []]
  for (const name of names) {
    const listed = await privileged.nftQuery(['set', 'ip', name, 'opened'], {})
    const found = listed.map((entry) => entry['set'] as { elem?: string[] } | undefined).find(Boolean)?.elem ?? []
    if (name === hostTable) own.push(...found)
    else ofOthers.push(...found)
  }
  return { own, ofOthers }
}
