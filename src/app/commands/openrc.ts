// `nimbo openrc`: what the openstack client reads from the environment.
import { readFileSync } from 'node:fs'
import { layout } from '../layout.ts'
import { publicUrl, readSettings, type Secrets } from '../settings.ts'
import { CommandError, print, printJson } from '../terminal.ts'

export function openrc(directory: string, user: string, json: boolean): void {
  if (user !== 'admin' && user !== 'demo') throw new CommandError(`There are users admin and demo, not ${user}.`)
  const settings = readSettings(directory)
  if (!settings) throw new CommandError('There is no cloud yet: start one with `nimbo up`.')
  const variables = environment(settings, readSecrets(directory), user)
  if (json) return printJson(Object.fromEntries(variables))
  print(variables.map(([name, value]) => `export ${name}='${value}'`).join('\n'))
}

export function readSecrets(directory: string): Secrets {
  try {
    return JSON.parse(readFileSync(layout(directory).secrets, 'utf8')) as Secrets
  } catch {
    throw new CommandError(`The passwords of this cloud cannot be read: ${layout(directory).secrets}. They belong to whoever started it.`)
  }
}

export function environment(settings: NonNullable<ReturnType<typeof readSettings>>, secrets: Secrets, user: 'admin' | 'demo'): [string, string][] {
  return [
    ['OS_AUTH_URL', `${publicUrl(settings, 'keystone')}/v3`],
    ['OS_IDENTITY_API_VERSION', '3'],
    ['OS_USERNAME', user],
    ['OS_PASSWORD', user === 'admin' ? secrets.adminPassword : secrets.demoPassword],
    ['OS_PROJECT_NAME', user],
    ['OS_USER_DOMAIN_NAME', 'Default'],
    ['OS_PROJECT_DOMAIN_NAME', 'Default'],
    ['OS_REGION_NAME', settings.region],
  ]
}
