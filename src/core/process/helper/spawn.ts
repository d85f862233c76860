// How the helper starts a program: from a fixed table, in a namespace, with a deadline.
import { CommandFailed } from '../errors.ts'
import type { Finished } from '../interface.ts'
import { runCommand } from '../runner.ts'

export const programs = {
  ip: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'],
  bridge: ['/usr/sbin/bridge', '/sbin/bridge', '/usr/bin/bridge'],
  nft: ['/usr/sbin/nft', '/usr/bin/nft'],
  tee: ['/usr/bin/tee', '/bin/tee'],
  nsenter: ['/usr/bin/nsenter'],
  setpriv: ['/usr/bin/setpriv'],
  modprobe: ['/usr/sbin/modprobe', '/sbin/modprobe'],
  qemu: ['/usr/bin/qemu-system-x86_64', '/usr/libexec/qemu-kvm'],
  'qemu-storage-daemon': ['/usr/bin/qemu-storage-daemon'],
  dnsmasq: ['/usr/sbin/dnsmasq', '/usr/bin/dnsmasq'],
} as const

export type Program = keyof typeof programs

/** `nsenter` in front of a program, or the program alone. Only the network namespace is entered, and never `/sys`. */
export function inNamespace(netns: string | undefined, program: string, args: readonly string[]): [string, string[]] {
  if (netns === undefined) return [program, [...args]]
  return [programs.nsenter[0], [`--net=/run/netns/${netns}`, '--', program, ...args]]
}

export async function runProgram(
  found: (program: Program) => string,
  program: Program,
  args: readonly string[],
  where: { netns?: string | undefined; input?: string; timeoutSeconds?: number },
): Promise<Finished> {
  const [file, all] = inNamespace(where.netns, found(program), args)
  try {
    return await runCommand(file, all, {
      timeoutSeconds: where.timeoutSeconds ?? 20,
      ...(where.input === undefined ? {} : { input: where.input }),
    })
  } catch (error) {
    if (error instanceof CommandFailed) {
      throw new CommandFailed({ program, exitCode: error.exitCode, stderr: error.stderr, timedOut: error.timedOut })
    }
    throw error
  }
}
