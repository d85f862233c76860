// QEMU's user must be allowed to open /dev/net/tun. Clouds on one machine share it, so each says that it needs it, and only the
// last one puts back the mode that the first one found.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TapAccess {
  readonly device: string
  /** A folder that only root can write, gone after a restart of the machine, as the device's mode is. */
  readonly register: string
}

export const tapAccess: TapAccess = { device: '/dev/net/tun', register: '/run/nimbo-taps' }

interface Cloud {
  readonly prefix: string
  /** A cloud whose folder is gone needs nothing any more. */
  readonly dataDirectory: string
}

const forAll = 0o666

export async function allowTaps({ device, register }: TapAccess, { prefix, dataDirectory }: Cloud, allowed: boolean): Promise<void> {
  const [own, found] = [join(register, `cloud-${prefix}`), join(register, 'mode')]
  await alone(`${register}.lock`, () => {
    const mode = statSync(device).mode & 0o777
    if (allowed) {
      const open = (mode & forAll) === forAll
      if (open && !existsSync(found)) return
      mkdirSync(register, { recursive: true, mode: 0o700 })
      if (!existsSync(found)) writeFileSync(found, mode.toString(8), { mode: 0o600 })
      writeFileSync(own, dataDirectory, { mode: 0o600 })
      if (!open) chmodSync(device, forAll)
      return
    }
    rmSync(own, { force: true })
    if (!existsSync(found)) return
    const others = readdirSync(register).filter((name) => name.startsWith('cloud-') && existsSync(readFileSync(join(register, name), 'utf8')))
    if (others.length > 0) return
    chmodSync(device, Number.parseInt(readFileSync(found, 'utf8'), 8) & 0o777)
    rmSync(register, { recursive: true })
  })
}

const pauseMs = 10
const mostPauses = 200

/** Whoever dies inside does not keep the others out for longer than a moment's work could take. */
async function alone(lock: string, work: () => void): Promise<void> {
  for (let pauses = 0; pauses < mostPauses; pauses++) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      await sleep(pauseMs)
    }
  }
  try {
    work()
  } finally {
    if (existsSync(lock)) rmdirSync(lock)
  }
}
