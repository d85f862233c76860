// What the cloud may ask of its machine: unprivileged commands of its own user, and a short, typed list of
// privileged ones that the helper carries out (DESIGN.md, Privileges). No shell anywhere.
import type { Server } from 'node:net'
import type { RulesWithValues, RulesWithWords } from './helper/nft-text.ts'

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

/** One that works for this cloud without a record. */
export interface StrayProgram extends ProcessIdentity {
  /** Its command line. */
  readonly command: string
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

/** Where a command works: in a network namespace of the cloud, or, without one, in the host's. */
export interface Place {
  readonly netns?: string
}

/**
 * Refusals of the kernel that are no failure of a batch: the thing was there already, or was gone already. With any,
 * the batch goes on after a failing line, and fails in the end only for the other refusals.
 */
export interface BatchPlace extends Place {
  readonly tolerate?: readonly ('exists' | 'absent')[]
}

/**
 * The commands that need root. Each is one message to the helper, which checks every argument against its allow-list:
 * names carry the cloud's prefix, paths lie in the data directory, programs come from a fixed table. Requests run side
 * by side where that is safe, and each has a deadline of its own.
 */
export interface Privileged {
  /** `ip -batch -`: all lines in one spawn. @throws CommandFailed naming the refused lines */
  ip(lines: readonly string[], where: BatchPlace): Promise<void>
  /** `ip -j ARGS`: parsed output; an empty list when the thing that was asked for is absent. */
  ipQuery(args: readonly string[], where: Place): Promise<unknown>
  /** `bridge -batch -`. */
  bridge(lines: readonly string[], where: BatchPlace): Promise<void>
  /** `bridge -j ARGS`: parsed output. */
  bridgeQuery(args: readonly string[], where: Place): Promise<unknown>
  /** `nft -f -`: one atomic change. */
  nft(ruleset: string, where: Place): Promise<void>
  /** `nft -j list ARGS`: the list below "nftables"; an empty one when the thing that was asked for is absent. */
  nftQuery(args: readonly string[], where: Place): Promise<readonly Record<string, unknown>[]>
  /** How many rules each chain has, by `family table name`, a digest of them, and what each set, named alike, holds: a fraction of what `nftQuery` would bring. */
  nftRules(where: Place): Promise<RulesWithWords>
  /** One table alone, with the values that its rules name; nothing of one that is absent. */
  nftTable(family: string, table: string, where: Place): Promise<RulesWithValues>
  /** Set kernel settings below `net/`, written as paths: `net/ipv4/ip_forward`. */
  sysctl(values: Readonly<Record<string, string>>, where: Place): Promise<void>
  /** Read kernel settings of the host below `net/`; a setting that does not exist is left out. */
  sysctlQuery(names: readonly string[]): Promise<Readonly<Record<string, string>>>
  /** Also succeeds when it exists. */
  netnsAdd(name: string): Promise<void>
  /** Also succeeds when it is gone. */
  netnsDelete(name: string): Promise<void>
  /** The namespaces that carry the cloud's prefix. */
  netnsList(): Promise<readonly string[]>
  /** Start a daemon that outlives helper and control plane; repeated for a living id it returns the living one. */
  startDaemon(spec: DaemonSpec): Promise<ProcessIdentity>
  /** The living daemons of a kind that this cloud started, by id. */
  daemons(kind: DaemonKind): Promise<ReadonlyMap<string, ProcessIdentity>>
  /** Send a signal when the process is still the same one; answers whether it was there. */
  signalDaemon(kind: DaemonKind, id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): Promise<boolean>
  /** Living programs of a kind that name this cloud's data or live in its namespaces, and that it did not start or has lost the record of. */
  strayPrograms(kind: DaemonKind): Promise<readonly StrayProgram[]>
  /** Send a signal to one of those; answers whether it was there. */
  signalStray(kind: DaemonKind, stray: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean>
  /** A listening TCP socket inside a namespace, passed to this process. */
  listen(where: { netns: string; address: string; port: number }): Promise<Server>
  /** Give a file or directory below the data directory to the user that QEMU runs as. */
  giveToQemu(path: string): Promise<void>
  /**
   * Let QEMU's user open /dev/net/tun, or put its mode back as it was found once no cloud of this machine needs it. Most
   * distributions allow it to all; then neither does anything.
   */
  allowTaps(allowed: boolean): Promise<void>
}
