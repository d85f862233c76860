// `nimbo demo`: from nothing to a server that one is logged in to.
import { type Choices } from '../settings.ts'
import { up } from './up.ts'

export interface DemoOptions {
  readonly directory: string
  readonly choices: Choices
  readonly arguments: readonly string[]
  readonly clean: boolean
}

export async function demo(options: DemoOptions): Promise<void> {
  await up({ ...options, json: false, quiet: true })
}
