// The file by which the openstack client and SDKs find this cloud: entries `nimbo` (demo) and `nimbo-admin`.
import { layout } from './layout.ts'
import { publicUrl, type Secrets, type Settings, writeWhole } from './settings.ts'

export function writeCloudsYaml(directory: string, settings: Settings, secrets: Secrets): void {
  const entry = (name: string, user: string, password: string) => `  ${name}:
    auth:
      auth_url: ${publicUrl(settings, 'keystone')}/v3
      username: ${user}
      password: ${JSON.stringify(password)}
      project_name: ${user}
      user_domain_name: Default
      project_domain_name: Default
    region_name: ${settings.region}
    identity_api_version: "3"
    interface: public
`
  writeWhole(layout(directory).cloudsYaml, `clouds:\n${entry('nimbo', 'demo', secrets.demoPassword)}${entry('nimbo-admin', 'admin', secrets.adminPassword)}`, 0o600)
}
