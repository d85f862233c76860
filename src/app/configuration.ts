// The configuration of a cloud: one optional TOML file with a section per service, and variables that override it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, type Section } from '#core/config'
import { services } from './services.ts'

export type Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export async function configurationSections(): Promise<Section[]> {
  const loaded = await Promise.all(services.map((service) => service.load()))
  return loaded.flatMap((service) => (service.options ? [service.options] : []))
}

/**
 * The file that was named, or `nimbo.toml` in the cloud's folder where there is one.
 *
 * @throws ConfigError that lists every problem and what to do about it
 */
export async function readConfiguration(directory: string, named: string | undefined): Promise<Configuration> {
  const usual = join(directory, 'nimbo.toml')
  const file = named ?? (existsSync(usual) ? usual : undefined)
  return readConfig({ sections: await configurationSections(), environment: process.env, ...(file !== undefined && { file }) })
}
