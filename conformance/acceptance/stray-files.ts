// Files outside a cloud's folder: what is new on the machine, and may be that cloud's.
import { lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findUser } from '../../src/app/host.ts'
import { chooseSettings } from '../../src/app/settings.ts'

/** Where nobody else writes while a test runs, but for the others below: whatever is new counts. */
const quietPlaces = ['/boot', '/etc', '/home', '/opt', '/root', '/srv', '/usr/local', '/var/lib', '/var/spool']
/** Where other programs come and go: what is new counts when its name or its owner says that it is the cloud's. */
const busyPlaces = ['/dev/shm', '/run', '/tmp', '/var/cache', '/var/log', '/var/tmp']
/** Package managers, whoever works at this machine, a cloud in its usual place, and the users, which stay. */
const others = /^\/root\/\.|^\/var\/lib\/(apt|dpkg|nimbo|postgresql|systemd|ucf)\/|^\/etc\/(\.pwd\.lock|(passwd|group|shadow|gshadow|subuid|subgid)-)$/
/** The program keeps compiled code beside itself. */
const checkout = join(import.meta.dirname, '..', '..')
const patienceSeconds = 5

interface Place {
  /** The cloud's folder. */
  readonly directory: string
  /** Its HOME and TMPDIR, which nobody else uses. */
  readonly home: string
}

/** Look now, and ask later for what came since. Something of another program's may come and go: only what stays is told. */
export function watchFiles({ directory, home }: Place): () => Promise<string[]> {
  // Its kernel objects are named so, and files may be.
  const names = [chooseSettings(directory, {}).prefix, basename(directory)]
  // Inside a folder the owner says nothing: it may be another cloud's.
  const isItsOwn = (path: string) => names.some((name) => path.includes(name)) || (busyPlaces.includes(dirname(path)) && isOwned(path))
  const [quiet, busy] = [new Set(quietPlaces.flatMap((place) => below(place))), new Set(busyNames())]
  const look = () => [
    ...quietPlaces.flatMap((place) => below(place)).filter((path) => !quiet.has(path)),
    ...busyNames().filter((path) => !busy.has(path) && path !== directory && path !== home && isItsOwn(path)),
    ...below(home),
  ].filter((path) => !path.startsWith(`${directory}/`))
  return async () => {
    let found = look()
    for (const end = performance.now() + patienceSeconds * 1000; found.length > 0 && performance.now() < end;) {
      await sleep(500)
      const again = new Set(look())
      found = found.filter((path) => again.has(path))
    }
    return found
  }
}

/** All that lies below a folder, at any depth. What goes while we look is not there. */
function below(folder: string, depth = Number.POSITIVE_INFINITY): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (path === checkout || others.test(path) || others.test(`${path}/`)) return []
      return entry.isDirectory() && depth > 1 ? [path, ...below(path, depth - 1)] : [path]
    })
  } catch {
    return []
  }
}

const busyNames = () => busyPlaces.flatMap((place) => below(place, 2))

function isOwned(path: string): boolean {
  try {
    const { uid } = lstatSync(path)
    return ['nimbo', 'nimbo-qemu'].some((user) => findUser(user)?.uid === uid)
  } catch {
    return false
  }
}
