// What the cloud may ask of its machine: unprivileged commands of its own user, and a short, typed list of
// privileged ones that the helper carries out (DESIGN.md, Privileges). No shell anywhere.
import type { Server } from 'node:net'

/** A finished command. Standard output and error are text, cut at 8 MiB. */
export interface Finished {
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Killed when it takes longer. */
  readonly timeoutSeconds: number
  /** Given to standard input. */
  readonly input?: string | Buffer
  readonly signal?: AbortSignal
  readonly cwd?: string
  /** Limits put on the child (prlimit): address space in bytes, processor time in seconds. */
  readonly limits?: { readonly addressSpaceBytes?: number; readonly cpuSeconds?: number }
}

/** Unprivileged commands, run as the control plane's own user. */
export interface ProcessRunner {
  /** @throws CommandFailed with the exit code and the end of standard error */
  run(file: string, args: readonly string[], options: RunOptions): Promise<Finished>
}

/** A process that outlives us is known by its id and its start time together (field 22 of /proc/PID/stat). */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTime: string
}

export type DaemonKind = 'qemu' | 'qemu-storage-daemon' | 'dnsmasq'

export interface DaemonSpec {
  readonly kind: DaemonKind
  /** Identifies the daemon in its pid record, for instance the server's UUID. */
  readonly id: string
  /** Arguments after the program's name. */
  readonly args: readonly string[]
  /** The network namespace to start in; the host's when absent. */
  readonly netns?: string
  /** Where standard output and error are appended. */
  readonly outputFile: string
}

/**
 * The commands that need root. Each is one message to the helper, which checks every argument against its allow-list:
 * names carry the cloud's prefix, paths lie in the data directory, programs come from a fixed table.
 */
export interface Privileged {
  /** `ip -batch -` in a namespace: all lines in one spawn. `force` goes on after a failing line. */
  ip(lines: readonly string[], where: { netns?: string; force?: boolean }): Promise<void>
  /** `ip -j ARGS`: parsed output. */
  ipQuery(args: readonly string[], where: { netns?: string }): Promise<unknown>
  /** `bridge -batch -`. */
  bridge(lines: readonly string[], where: { netns?: string }): Promise<void>
  /** `nft -f -`: one atomic change. */
  nft(ruleset: string, where: { netns?: string }): Promise<void>
  /** `nft -j list ARGS`: parsed output. */
  nftQuery(args: readonly string[], where: { netns?: string }): Promise<unknown>
  /** Kernel settings below net., for instance `net.ipv4.ip_forward`. */
  sysctl(values: Readonly<Record<string, string>>, where: { netns?: string }): Promise<void>
  netnsAdd(name: string): Promise<void>
  netnsDelete(name: string): Promise<void>
  netnsList(): Promise<readonly string[]>
  /** Start a daemon that outlives helper and control plane; repeated for a living id it returns the living one. */
  startDaemon(spec: DaemonSpec): Promise<ProcessIdentity>
  /** The living daemons of a kind that this cloud started, by id. */
  daemons(kind: DaemonKind): Promise<ReadonlyMap<string, ProcessIdentity>>
  /** Send a signal when the process is still the same one; answers whether it was there. */
  signalDaemon(kind: DaemonKind, id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): Promise<boolean>
  /** A listening TCP socket inside a namespace, passed to this process. */
  listen(where: { netns: string; address: string; port: number }): Promise<Server>
  /** Give a file or directory below the data directory to the user that QEMU runs as. */
  giveToQemu(path: string): Promise<void>
}
