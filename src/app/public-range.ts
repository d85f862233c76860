// Which block of addresses the network `public` gets when nobody chose one: of the three that are kept for examples (RFC 5737),
// the first in which this machine reaches nothing yet. A route to the cloud would hide what is there.
import { readFileSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { BlockList, isIPv4 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessRunner } from '#core/process'

const ranges = ['203.0.113.0/24', '198.51.100.0/24', '192.0.2.0/24'] as const
const lookupSeconds = 3

export interface ChosenRange {
  readonly cidr: string
  /** Why it is not the usual one. */
  readonly reason?: string
}

export async function freePublicRange(runner: ProcessRunner): Promise<ChosenRange> {
  const reached = await reachedAddresses(runner)
  const usedIn = (cidr: string) => {
    const [network = '', prefix] = cidr.split('/')
    const block = new BlockList()
    block.addSubnet(network, Number(prefix))
    return reached.find((address) => block.check(address))
  }
  const taken = usedIn(ranges[0])
  const cidr = ranges.find((range) => usedIn(range) === undefined) ?? ranges[0]
  if (cidr === ranges[0] || taken === undefined) return { cidr }
  return { cidr, reason: `This machine reaches ${taken}, which lies in ${ranges[0]}; the network public gets ${cidr} instead. --public-cidr chooses another one.` }
}

/** Addresses and routes of this machine, its name servers, and where its packages come from. */
async function reachedAddresses(runner: ProcessRunner): Promise<string[]> {
  const found: string[] = []
  const quietly = async (work: () => Promise<string[]>) => {
    try {
      found.push(...(await work()))
    } catch {
      // What cannot be learned cannot stand in the way.
    }
  }
  await quietly(async () => {
    const { stdout } = await runner.run('ip', ['-j', '-4', 'route'], { timeoutSeconds: 5 })
    return (JSON.parse(stdout) as { dst: string; gateway?: string; prefsrc?: string }[]).flatMap(({ dst, gateway, prefsrc }) => [dst.split('/')[0], gateway, prefsrc]).filter((each) => each !== undefined)
  })
  await quietly(async () => [...readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address ?? ''))
  await quietly(async () => {
    const { stdout } = await runner.run('apt-get', ['indextargets', '--format', '$(SITE)'], { timeoutSeconds: 20 })
    const hosts = new Set(stdout.split('\n').map((site) => URL.parse(site.replace(/^[a-z+]*http/, 'http'))?.hostname ?? '').filter((host) => host !== ''))
    const answers = await Promise.all([...hosts].map((host) => Promise.race([lookup(host, { all: true, family: 4 }), sleep(lookupSeconds * 1000, [], { ref: false })])))
    return answers.flat().map(({ address }) => address)
  })
  return found.filter((address) => isIPv4(address))
}
