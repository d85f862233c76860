// `nimbo run`: the cloud in the foreground.
import { run } from '../run.ts'
import { type Choices, chooseSettings } from '../settings.ts'

export async function startInForeground(directory: string, choices: Choices, options: { config?: string; logLevel?: string }): Promise<void> {
  try {
    await run({
      directory, settings: chooseSettings(directory, choices), configFile: options.config,
      logLevel: (options.logLevel ?? 'info') as 'info',
    })
  } catch (error) {
    process.stderr.write(`nimbo: ${(error as Error).message}\n`)
    process.exit(1)
  }
  // Sockets of clients that keep their connection open do not keep the process.
  process.exit(0)
}
