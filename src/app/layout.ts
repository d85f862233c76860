// Where things lie in a cloud's folder. Its top belongs to whoever starts the cloud; `data` to the user that it runs as.
import { join } from 'node:path'

export interface Layout {
  readonly directory: string
  /** All that the services own: databases, images, guests, keys. */
  readonly data: string
  /** Compiled code; writable only by whoever starts the cloud, since that user runs it. */
  readonly cache: string
  readonly log: string
  readonly state: string
  readonly control: string
  readonly secrets: string
  /** Packages that the test image is made from, until it is made. */
  readonly packages: string
  /** Present once the default resources were made. */
  readonly defaults: string
}

export function layout(directory: string): Layout {
  const data = join(directory, 'data')
  return {
    directory, data, cache: join(directory, 'cache'), log: join(directory, 'nimbo.log'),
    state: join(data, 'run', 'state.json'), control: join(data, 'run', 'control.sock'), secrets: join(directory, 'secrets.json'), packages: join(directory, 'packages'),
    defaults: join(data, 'defaults.json'),
  }
}
