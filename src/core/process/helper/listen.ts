// A listening socket inside a namespace. Node cannot enter one, so a child that was started there listens, hands the
// socket over and ends.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CommandFailed } from '../errors.ts'
import { inNamespace } from './spawn.ts'

/** Node's handle of a socket; only ever passed on. */
export type NativeHandle = { close(): void }

const listener = fileURLToPath(new URL('./listener.ts', import.meta.url))
const secondsToListen = 10

export function listenInside(netns: string, address: string, port: number): Promise<NativeHandle> {
  const node = [...process.execArgv, listener, address, String(port)]
  const [file, args] = inNamespace(netns, process.execPath, node)
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      cwd: '/',
      env: process.env['NODE_COMPILE_CACHE'] ? { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] } : {},
    })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
    const timer = setTimeout(() => child.kill('SIGKILL'), secondsToListen * 1000)
    child.on('message', (message: { refused?: string }, handle) => {
      if (handle) resolve(handle as unknown as NativeHandle)
      else reject(new CommandFailed({ program: 'listen', stderr: message.refused ?? '' }))
      child.disconnect()
    })
    child.on('error', (cause) => reject(new CommandFailed({ program: 'listen', stderr: cause.message })))
    child.on('exit', (code) => {
      clearTimeout(timer)
      reject(new CommandFailed({ program: 'listen', exitCode: code ?? undefined, stderr: said }))
    })
  })
}
