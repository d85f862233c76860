// Where things lie in a cloud's folder. Its top belongs to whoever starts the cloud; `data` to the user that it runs as.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Layout {
  readonly directory: string
  /** All that the services own: databases, images, guests, keys. */
  readonly data: string
  /** Compiled code; writable only by whoever starts the cloud, since that user runs it. */
  readonly cache: string
  readonly log: string
  readonly state: string
  readonly control: string
  readonly settings: string
  readonly secrets: string
  readonly cloudsYaml: string
  /** What the demo made on this machine: its key. */
  readonly demo: string
  /** Packages that the test image is made from, until it is made. */
  readonly packages: string
  /** Present once the default resources were made. */
  readonly defaults: string
}

export function layout(directory: string): Layout {
  const data = join(directory, 'data')
  return {
    directory, data, cache: join(directory, 'cache'), log: join(directory, 'nimbo.log'),
    state: join(data, 'run', 'state.json'), control: join(data, 'run', 'control.sock'), packages: join(directory, 'packages'), defaults: join(data, 'defaults.json'),
    settings: join(directory, 'cloud.json'), secrets: join(directory, 'secrets.json'), cloudsYaml: join(directory, 'clouds.yaml'), demo: join(directory, 'demo'),
  }
}

/** All that a cloud makes at the top of its folder. What else lies there is not its own. */
export function ownPaths({ data, cache, packages, demo, log, settings, secrets, cloudsYaml }: Layout): string[] {
  return [data, cache, packages, demo, log, ...[settings, secrets, cloudsYaml].flatMap((file) => [file, `${file}.new`])]
}

/** A cloud was begun here, and got at least as far as to say so. */
export function isBegun({ settings, state }: Layout): boolean {
  return existsSync(settings) || existsSync(dirname(state))
}
