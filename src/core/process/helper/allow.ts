// The helper's allow-list of names, words and paths. What is not known here is refused, never repaired.
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { NotAllowed } from '../errors.ts'
import type { HelperOptions } from './protocol.ts'

export function refuse(what: string, value: unknown): never {
  throw new NotAllowed(`${what} is not allowed: ${JSON.stringify(value)?.slice(0, 200)}`)
}

export function checkOptions(options: HelperOptions): void {
  if (!/^[a-z][a-z0-9]{0,8}$/.test(options.prefix)) refuse('The prefix', options.prefix)
  if (!options.dataDirectory.startsWith('/')) refuse('The data directory', options.dataDirectory)
  if (!(options.qemuUser.uid > 0) || !(options.qemuUser.gid > 0)) refuse('Root as the user of QEMU', options.qemuUser)
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(options.ownUser.name)) refuse('The user name', options.ownUser.name)
}

export function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || /[\n\r\0]/.test(value)) refuse(what, value)
  return value
}

export function texts(value: unknown, what: string): string[] {
  if (!Array.isArray(value)) refuse(what, value)
  return (value as unknown[]).map((each) => text(each, what))
}

/** A namespace of this cloud: the prefix, a hyphen, and something. */
export function namespaceName(options: HelperOptions, value: unknown): string {
  const name = text(value, 'A namespace')
  const rest = name.startsWith(`${options.prefix}-`) ? name.slice(options.prefix.length + 1) : ''
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(rest)) refuse('A namespace', value)
  return name
}

export function optionalNamespace(options: HelperOptions, where: unknown): string | undefined {
  const netns = (where as { netns?: unknown } | undefined)?.netns
  return netns === undefined ? undefined : namespaceName(options, netns)
}

/** The kernel's rule for the name of a device, without the characters that would be read as something else. */
export function deviceName(value: unknown): string {
  const name = text(value, 'A device')
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(name)) refuse('A device', value)
  return name
}

/** A device in the host's own namespace must be this cloud's. */
export function hostDeviceName(options: HelperOptions, value: unknown): string {
  const name = deviceName(value)
  if (!name.startsWith(`${options.prefix}-`)) refuse("A device of the host's", value)
  return name
}

export function identifier(value: unknown): string {
  const name = text(value, 'An id')
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) refuse('An id', value)
  return name
}

/** A path whose directory, links resolved, lies in the data directory, and that is no link itself. */
export function pathInside(options: HelperOptions, value: unknown): string {
  const path = text(value, 'A path')
  if (!path.startsWith('/')) refuse('A path', value)
  const root = realpathSync(options.dataDirectory)
  let directory: string
  try {
    directory = realpathSync(dirname(path))
  } catch {
    refuse('A path without a directory', value)
  }
  if (directory !== root && !directory.startsWith(`${root}/`)) refuse('A path outside of the data directory', value)
  const name = basename(path)
  if (name === '' || name === '.' || name === '..') refuse('A path', value)
  const whole = join(directory, name)
  if (lstatSync(whole, { throwIfNoEntry: false })?.isSymbolicLink()) refuse('A link', value)
  return whole
}

/**
 * Open a checked path without following a link, and check what was really opened: the control plane's user owns the
 * directory and may have put another thing there since.
 */
export function openInside(options: HelperOptions, value: unknown, flags: number, mode = 0o640): number {
  const path = pathInside(options, value)
  const file = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode)
  const root = realpathSync(options.dataDirectory)
  const stat = fstatSync(file)
  const known = [options.ownUser.uid, options.qemuUser.uid, process.getuid?.() ?? 0]
  const real = readlinkSync(`/proc/self/fd/${file}`)
  const aliased = stat.isFile() && stat.nlink > 1
  if (!real.startsWith(`${root}/`) || aliased || !known.includes(stat.uid)) {
    closeSync(file)
    refuse('A path', value)
  }
  return file
}
