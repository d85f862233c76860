// `nimbo config`: every option there is, commented, to begin a nimbo.toml with.
import { sampleConfig } from '#core/config'
import { configurationSections } from '../configuration.ts'
import { print } from '../terminal.ts'

export async function printSample(): Promise<void> {
  print(sampleConfig(await configurationSections()))
}
