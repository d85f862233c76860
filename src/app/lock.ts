// One process runs a cloud. The lock is a name of the kernel's that ends with its holder, however that ends.
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { realpathSync } from 'node:fs'

/** @returns whether this process now holds the cloud in this folder, until it ends */
export function takeLock(directory: string): Promise<boolean> {
  const digest = createHash('sha256').update(realpathSync(directory)).digest('hex')
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen(`\0nimbo-${digest.slice(0, 32)}`, () => {
      server.unref()
      resolve(true)
    })
  })
}
