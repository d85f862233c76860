// Before anything is made on this machine: can every API have its port?
import { createServer } from 'node:net'
import type { Settings } from './settings.ts'
import { CommandError } from './terminal.ts'

/** @throws CommandError that names every port which cannot be had, and what to do */
export async function checkPorts({ address, ports }: Pick<Settings, 'address' | 'ports'>): Promise<void> {
  const entries = Object.entries(ports)
  const refusals = await Promise.all(entries.map(([, port]) => refusal(address, port)))
  if (refusals.includes('EADDRNOTAVAIL')) throw new CommandError(`This machine has no address ${address}. Choose one that it has with --address.`)
  if (refusals.includes('EACCES')) throw new CommandError('Ports below 1024 are for root only. Choose others with --port-offset.')
  const taken = entries.filter((_entry, at) => refusals[at] !== undefined).map(([name, port]) => `${port} (${name})`)
  if (taken.length === 0) return
  const [what, which] = taken.length === 1 ? ['Port', 'is'] : ['Ports', 'are']
  throw new CommandError(`${what} ${taken.join(', ')} on ${address} ${which} taken by another program. Stop that one, or choose other ports with --port-offset.`)
}

/** The system's word for why a port cannot be had; none when it can. */
function refusal(host: string, port: number): Promise<string | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}
