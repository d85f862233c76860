// The control plane's end of the privileged helper: forks it while still root, then asks it by messages.
import { fork } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { CommandFailed, HelperGone, NotAllowed } from './errors.ts'
import type { HelperOptions, Answer, Failure, Greeting, Method, Ready, Request } from './helper/protocol.ts'
import type { Privileged } from './interface.ts'

export interface StartedHelper extends Privileged {
  readonly pid: number
  /** Settles when the helper is gone, asked to or not. It cannot be started again: root was given up. */
  readonly ended: Promise<void>
  /** Let the helper end. Daemons live on. */
  close(): Promise<void>
}

const program = fileURLToPath(new URL('./helper/main.ts', import.meta.url))
/** A small program needs a small heap; it holds messages and nothing else. */
const smallHeap = ['--max-semi-space-size=1', '--max-old-space-size=64', '--v8-pool-size=1', '--no-opt']
/** Longer than the deadline of every program that the helper runs for a request. */
const answerSeconds = 40

interface Waiting {
  resolve(result: unknown, handle: unknown): void
  reject(error: Error): void
}

/**
 * Fork the helper; call it as root, before the process drops to its own user.
 *
 * @param compileCache a folder of root's own for compiled code: it saves the helper 100 ms and 15 MB
 */
export async function startHelper(options: HelperOptions, compileCache?: string): Promise<StartedHelper> {
  const cache = compileCache !== undefined && isRootsOwn(compileCache) ? compileCache : undefined
  const child = fork(program, [], {
    serialization: 'advanced',
    execArgv: smallHeap,
    // A session of its own: Ctrl-C in the terminal is for the control plane, which then still needs the helper.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...(cache ? { NODE_COMPILE_CACHE: cache } : {}) },
  })
  const waiting = new Map<number, Waiting>()
  let next = 1
  // The helper keeps this process alive only while something waits for it.
  const settle = (number: number): Waiting | undefined => {
    const one = waiting.get(number)
    waiting.delete(number)
    if (waiting.size === 0) child.channel?.unref()
    return one
  }
  let gone: Error | undefined
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const lost = () => {
    gone = new HelperGone('The privileged helper ended.')
    for (const one of waiting.values()) one.reject(gone)
    waiting.clear()
  }
  child.on('exit', lost)
  child.on('error', lost)

  const ready = new Promise<void>((resolve, reject) => {
    waiting.set(0, { resolve: () => resolve(), reject })
  })
  child.on('message', (message: Answer | Ready, handle: unknown) => {
    const number = 'ready' in message ? 0 : message.number
    const one = settle(number)
    // An answer after its deadline: a socket that nobody waits for must not stay open.
    if (!one) return void (handle as { close?(): void } | undefined)?.close?.()
    if ('error' in message && message.error) one.reject(toError(message.error))
    else one.resolve('result' in message ? message.result : undefined, handle)
  })
  child.send({ options } satisfies Greeting)

  function ask<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    return askWith(method, args, (result) => result as T)
  }

  function askWith<T>(method: Method, args: readonly unknown[], take: (result: unknown, handle: unknown) => T): Promise<T> {
    if (gone) return Promise.reject(gone)
    const number = next++
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        settle(number)
        reject(new CommandFailed({ program: method, stderr: 'no answer from the privileged helper', timedOut: true }))
      }, answerSeconds * 1000)
      child.channel?.ref()
      waiting.set(number, {
        resolve(result, handle) {
          clearTimeout(timer)
          resolve(take(result, handle))
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      })
      child.send({ number, method, args } satisfies Request, (error) => {
        if (!error) return
        clearTimeout(timer)
        settle(number)
        reject(new HelperGone('The privileged helper ended.', {}, error))
      })
    })
  }

  await ready
  child.unref()
  return {
    pid: child.pid as number,
    ended,
    ip: (lines, where) => ask('ip', lines, where),
    ipQuery: (args, where) => ask('ipQuery', args, where),
    bridge: (lines, where) => ask('bridge', lines, where),
    bridgeQuery: (args, where) => ask('bridgeQuery', args, where),
    nft: (ruleset, where) => ask('nft', ruleset, where),
    nftQuery: (args, where) => ask('nftQuery', args, where),
    nftRules: (where) => ask('nftRules', where),
    nftTable: (family, table, where) => ask('nftTable', family, table, where),
    sysctl: (values, where) => ask('sysctl', values, where),
    sysctlQuery: (names) => ask('sysctlQuery', names),
    netnsAdd: (name) => ask('netnsAdd', name),
    netnsDelete: (name) => ask('netnsDelete', name),
    netnsList: () => ask('netnsList'),
    startDaemon: (spec) => ask('startDaemon', spec),
    daemons: (kind) => ask('daemons', kind),
    signalDaemon: (kind, id, signal) => ask('signalDaemon', kind, id, signal),
    strayPrograms: (kind) => ask('strayPrograms', kind),
    signalStray: (kind, stray, signal) => ask('signalStray', kind, stray, signal),
    listen: (where) => askWith('listen', [where], (_result, handle) => toServer(handle)),
    giveToQemu: (path) => ask('giveToQemu', path),
    allowTaps: (allowed) => ask('allowTaps', allowed),
    async close() {
      child.ref()
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** A cache is used only where nobody but root can write: root runs what is read from it. */
function isRootsOwn(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false })
  return stat !== undefined && stat.isDirectory() && stat.uid === 0 && (stat.mode & 0o022) === 0
}

/** A server on a socket that already listens; callers add their own connection listener. */
function toServer(handle: unknown): Server {
  const server = createServer()
  server.listen(handle)
  return server
}

function toError(failure: Failure): Error {
  if (failure.kind === 'NotAllowed') return new NotAllowed(failure.message)
  if (failure.kind === 'Error') return new Error(failure.message)
  return new CommandFailed({
    program: failure.program ?? 'helper', exitCode: failure.exitCode, stderr: failure.stderr ?? '',
    ...(failure.timedOut === undefined ? {} : { timedOut: failure.timedOut }),
  })
}
