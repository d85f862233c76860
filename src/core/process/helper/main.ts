// The privileged helper: carries out the commands of its parent, one message each, and ends when the parent is gone.
// The daemons that it started live on.
import { chownSync, existsSync, writeFileSync } from 'node:fs'
import { CommandFailed, NotAllowed } from '../errors.ts'
import { createHelper, type Helper } from './commands.ts'
import type { NativeHandle } from './listen.ts'
import type { Answer, Failure, Greeting, Ready, Request } from './protocol.ts'
import { runCommand } from '../runner.ts'

let helper: Helper | undefined

process.title = 'nimbo-helper'
process.umask(0o022)
process.on('disconnect', () => process.exit(0))
// The parent decides when it is over: by its end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.on('message', (message: Greeting | Request) => {
  if ('options' in message) void greet(message)
  else void answer(message)
})

async function greet({ options }: Greeting): Promise<void> {
  try {
    helper = createHelper(options)
    if (existsSync(options.dataDirectory)) chownSync(`${options.dataDirectory}/privileged`, 0, 0)
    await loadBridgeFilter()
    say({ ready: true })
  } catch (error) {
    say({ number: 0, error: failure(error) })
  }
}

async function answer({ number, method, args }: Request): Promise<void> {
  try {
    if (!helper || !Object.hasOwn(helper.commands, method)) throw new NotAllowed(`No such command: ${String(method)}`)
    const { result, handle } = await helper.commands[method](...args)
    say({ number, result }, handle)
  } catch (error) {
    say({ number, error: failure(error) })
  }
}

/** A parent that was killed hears nothing any more; `disconnect` tells of it. */
function say(message: Answer | Ready, handle?: NativeHandle): void {
  process.send?.(message, handle as never, {}, () => handle?.close())
}

function failure(error: unknown): Failure {
  if (error instanceof CommandFailed) {
    const { message, program, exitCode, stderr, timedOut } = error
    return { kind: 'CommandFailed', message, program, exitCode, stderr, timedOut }
  }
  if (error instanceof NotAllowed) return { kind: 'NotAllowed', message: error.message }
  return { kind: 'Error', message: error instanceof Error ? error.message : String(error) }
}

/** Bridged packets reach the inet filter through br_netfilter; the host's own bridges go on without it. */
async function loadBridgeFilter(): Promise<void> {
  const setting = '/proc/sys/net/bridge/bridge-nf-call-iptables'
  if (existsSync(setting)) return
  await runCommand('/sbin/modprobe', ['br_netfilter'], { timeoutSeconds: 10 }).catch(() => {})
  if (existsSync(setting)) for (const family of ['iptables', 'ip6tables', 'arptables']) {
    writeFileSync(`/proc/sys/net/bridge/bridge-nf-call-${family}`, '0')
  }
}
