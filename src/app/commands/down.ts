// `nimbo down`: tells the cloud to stop and waits until it has.
import { setTimeout as sleep } from 'node:timers/promises'
import { layout } from '../layout.ts'
import { processStartTime, runningState } from '../state.ts'
import { CommandError, print, ProgressLine } from '../terminal.ts'

const patienceSeconds = 60

function tell(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPERM') throw new CommandError(`The cloud (process ${pid}) was started by another user: stop it as that user, or as root.`)
    if (code !== 'ESRCH') throw error
  }
}

export async function down(directory: string, options: { quiet?: boolean } = {}): Promise<void> {
  const state = runningState(layout(directory))
  if (!state) {
    if (!options.quiet) print('The cloud does not run.')
    return
  }
  const line = new ProgressLine()
  line.show('Stopping')
  tell(state.pid)
  for (const end = performance.now() + patienceSeconds * 1000; performance.now() < end;) {
    if (processStartTime(state.pid) !== state.startTime) {
      line.clear()
      if (!options.quiet) print('The cloud is down.')
      return
    }
    await sleep(25)
  }
  throw new CommandError(`The cloud (process ${state.pid}) did not stop within ${patienceSeconds} s. See ${layout(directory).log}`)
}
