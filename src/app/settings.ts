// What a cloud on this machine is: its folder, its ports, its networks. Chosen at the first start and kept beside the data.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createHash, randomBytes } from 'node:crypto'
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { ServiceName } from '#core/service'
import { layout } from './layout.ts'
import { CommandError } from './terminal.ts'

export type Ports = Readonly<Record<ServiceName | 'keystoneAdmin' | 'metadata', number>>

export interface Settings {
  /** Names of kernel objects begin with it, so that two clouds live side by side. */
  readonly prefix: string
  readonly driver: 'fake' | 'real'
  readonly address: string
  readonly ports: Ports
  readonly publicCidr: string
  /** The two ends of the link between this host and the cloud's fabric. */
  readonly link: { readonly host: string; readonly fabric: string }
  readonly host: string
  readonly region: string
}

export const defaultPorts: Ports = {
  keystone: 5000, keystoneAdmin: 35357, glance: 9292, nova: 8774, metadata: 8775, placement: 8778, neutron: 9696, cinder: 8776, nimbo: 8790,
}

export interface Secrets {
  readonly adminPassword: string
  readonly demoPassword: string
  readonly servicePasswords: Readonly<Record<string, string>>
  readonly metadataSecret: string
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** The folder that holds everything of a cloud: `--data`, `NIMBO_DATA`, or the default place of the user. */
export function dataDirectory(option: string | undefined): string {
  // As `--data "$unset"` gives it: the usual place was not meant.
  if (option === '') throw new CommandError('--data takes the folder of a cloud, not an empty word.')
  const chosen = option ?? process.env['NIMBO_DATA']
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  return isRoot() ? '/var/lib/nimbo' : join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'nimbo')
}

export interface Choices {
  readonly driver?: 'fake' | 'real'
  readonly address?: string
  /** Added to every default port. */
  readonly portOffset?: number
  readonly publicCidr?: string
}

export function readSettings(directory: string): Settings | undefined {
  const { settings: file } = layout(directory)
  if (!existsSync(file)) return undefined
  const settings = readJson(file) as Partial<Settings>
  const missing = (['prefix', 'driver', 'address', 'ports', 'publicCidr', 'link', 'host', 'region'] as const).filter((name) => settings?.[name] === undefined)
  if (missing.length > 0) throw unreadable(file, `it says nothing of ${missing.join(', ')}`)
  return withNewPorts(settings as Settings)
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw unreadable(file, (error as Error).message)
  }
}

function unreadable(file: string, why: string): CommandError {
  return new CommandError(`${file} cannot be understood: ${why}. Nimbo wrote it at the first start: bring it back from a copy. Or remove the whole folder, and with it the cloud.`)
}

/** The kept settings with the choices of this start put over them. @throws CommandError for what cannot be chosen any more */
export function chooseSettings(directory: string, choices: Choices): Settings {
  const kept = readSettings(directory)
  if (kept) refuseLate(directory, kept, choices)
  const digest = createHash('sha256').update(directory).digest()
  // From 198.18.0.0/15, which no network outside uses (RFC 2544); a pair of its own for each folder.
  const pair = `198.${18 + ((digest[2] ?? 0) & 1)}.${digest[3] ?? 0}`
  const last = (digest[4] ?? 0) & 0xfc
  const base: Settings = kept ?? {
    prefix: `nb${digest.toString('hex').slice(0, 4)}`,
    link: { host: `${pair}.${last + 1}`, fabric: `${pair}.${last + 2}` },
    driver: isRoot() ? 'real' : 'fake',
    address: '127.0.0.1',
    ports: defaultPorts,
    publicCidr: '203.0.113.0/24',
    host: hostname().split('.')[0] ?? 'localhost',
    region: 'RegionOne',
  }
  const offset = choices.portOffset
  return {
    ...base,
    ...(choices.driver !== undefined && { driver: choices.driver }),
    ...(choices.address !== undefined && { address: choices.address }),
    ...(choices.publicCidr !== undefined && { publicCidr: choices.publicCidr }),
    ...(offset !== undefined && { ports: Object.fromEntries(Object.entries(defaultPorts).map(([name, port]) => [name, port + offset])) as Ports }),
  }
}

/** What the first start made stays as it is: records and machines would part if it were only said to be otherwise. */
function refuseLate(directory: string, kept: Settings, { driver, publicCidr }: Choices): void {
  const instead = `Another cloud can have its own folder (--data); \`reset\` removes this one.`
  if (driver !== undefined && driver !== kept.driver) throw new CommandError(`The cloud in ${directory} was begun with the ${kept.driver} drivers, and keeps what they made. ${instead}`)
  if (publicCidr !== undefined && publicCidr !== kept.publicCidr && existsSync(layout(directory).defaults)) {
    throw new CommandError(`The network \`public\` of the cloud in ${directory} was made with ${kept.publicCidr}; --public-cidr counts at the first start. ${instead}`)
  }
}

/** Ports that clouds had not when this one began lie beside those it has. */
function withNewPorts(kept: Settings): Settings {
  const offset = kept.ports.keystone - defaultPorts.keystone
  return { ...kept, ports: { ...kept.ports, nimbo: kept.ports.nimbo ?? defaultPorts.nimbo + offset } }
}

export function writeSettings(directory: string, settings: Settings): void {
  writeWhole(layout(directory).settings, `${JSON.stringify(settings, null, 2)}\n`, 0o644)
}

/** Made at the first start. `OS_PASSWORD` and `ADMIN_PASSWORD` do not matter here: `openrc` shows what was chosen. */
export function ensureSecrets(directory: string): Secrets {
  const { secrets: file } = layout(directory)
  if (existsSync(file)) return readJson(file) as Secrets
  const password = () => randomBytes(12).toString('base64url')
  const secrets: Secrets = {
    adminPassword: password(),
    demoPassword: password(),
    servicePasswords: Object.fromEntries(['glance', 'placement', 'nova', 'neutron', 'cinder'].map((name) => [name, randomBytes(32).toString('base64url')])),
    metadataSecret: randomBytes(32).toString('hex'),
  }
  writeWhole(file, `${JSON.stringify(secrets, null, 2)}\n`, 0o600)
  return secrets
}

/** A file appears whole or not at all. Root never writes through a link that another user laid there. */
export function writeWhole(file: string, text: string, mode: number): void {
  mkdirSync(join(file, '..'), { recursive: true })
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, text, { mode, flag: 'wx' })
  renameSync(`${file}.new`, file)
}

export function publicUrl(settings: Settings, port: keyof Ports): string {
  return `http://${settings.address}:${settings.ports[port]}`
}
