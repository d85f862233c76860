// `nimbo run`: the cloud in the foreground.
import { createProcessRunner } from '#core/process'
import { freePublicRange } from '../public-range.ts'
import { run } from '../run.ts'
import { type Choices, chooseSettings, readSettings, type Settings } from '../settings.ts'

export async function startInForeground(directory: string, choices: Choices, options: { config?: string; logLevel?: string }): Promise<void> {
  try {
    await run({
      directory, settings: await firstSettings(directory, choices), configFile: options.config,
      logLevel: (options.logLevel ?? 'info') as 'info',
    })
  } catch (error) {
    process.stderr.write(`nimbo: ${(error as Error).message}\n`)
    process.exit((error as { exitStatus?: number }).exitStatus ?? 1)
  }
  // Sockets of clients that keep their connection open do not keep the process.
  process.exit(0)
}

/** At the first start a real cloud gets a public range in which the machine reaches nothing yet, unless one was chosen. */
async function firstSettings(directory: string, choices: Choices): Promise<Settings> {
  const settings = chooseSettings(directory, choices)
  if (settings.driver !== 'real' || choices.publicCidr !== undefined || readSettings(directory)) return settings
  const { cidr, reason } = await freePublicRange(createProcessRunner())
  if (reason !== undefined) process.stderr.write(`${reason}\n`)
  return { ...settings, publicCidr: cidr }
}
