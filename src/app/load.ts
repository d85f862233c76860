// Loads every module that may be asked for later, while the process may still read the program's folder.
import { rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { listen } from '#core/http'
import { preloadVolumeDriver } from '../services/cinder/drivers/index.ts'
import { preloadNetworkDriver } from '../services/neutron/drivers/index.ts'
import { preloadHypervisorDriver } from '../services/nova/drivers/index.ts'
import { services } from './services.ts'

/** @param folder where a socket may lie for a moment; nobody else may write there */
export async function loadEverything(folder: string): Promise<void> {
  for (const service of services) await service.load()
  for (const preload of [preloadHypervisorDriver, preloadVolumeDriver, preloadNetworkDriver]) await preload()
  await answerOnce(join(folder, 'warm.sock'))
}

/** The HTTP server loads parts of itself when it is first made and first asked. */
async function answerOnce(path: string): Promise<void> {
  rmSync(path, { force: true })
  const socket = await listen(async () => ({ status: 200, headers: {}, body: '{}' }), { path })
  try {
    await new Promise<void>((resolve, reject) => {
      const asked = request({ socketPath: path, method: 'POST', path: '/', headers: { 'content-type': 'application/json' } }, (reply) => reply.resume().on('end', resolve))
      asked.on('error', reject).end('{}')
    })
  } finally {
    await socket.close()
  }
}
