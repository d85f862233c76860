// `nimbo run`: the cloud in the foreground.
import { run } from '../run.ts'
import { type Choices, chooseSettings } from '../settings.ts'

export async function startInForeground(directory: string, choices: Choices, options: { config?: string; logLevel?: string }): Promise<void> {
  await run({
    directory, settings: chooseSettings(directory, choices), config: {},
    logLevel: (options.logLevel ?? 'info') as 'info',
  })
  process.exit(0)
}
