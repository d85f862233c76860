// Where the driver keeps what, below its directory. Control plane and QEMU are different users: QEMU gets single files
// and one run directory of each guest, nothing else.
import { join } from 'node:path'
import { GuestUnknown } from '../interface.ts'

export interface GuestPaths {
  readonly directory: string
  /** The driver's own record: spec and whether the guest should run. */
  readonly record: string
  /** QEMU's own: sockets and pid file. */
  readonly run: string
  readonly qmp: string
  /** A second monitor, for people and tools. */
  readonly spareQmp: string
  readonly vnc: string
  readonly serial: string
  readonly console: string
  readonly output: string
  readonly configDrive: string
  disk(label: string): string
}

export interface Paths {
  readonly images: string
  readonly servers: string
  image(imageId: string): string
  guest(serverId: string): GuestPaths
}

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Ids become names of files: nothing but a UUID may. */
function checked(id: string): string {
  if (!uuidPattern.test(id)) throw new GuestUnknown(`"${id}" is not an id.`)
  return id
}

export function pathsBelow(directory: string): Paths {
  const images = join(directory, 'images')
  const servers = join(directory, 'servers')
  return {
    images,
    servers,
    image: (imageId) => join(images, checked(imageId)),
    guest(serverId) {
      const own = join(servers, checked(serverId))
      const run = join(own, 'run')
      return {
        directory: own,
        record: join(own, 'server.json'),
        run,
        qmp: join(run, 'qmp'),
        spareQmp: join(run, 'qmp2'),
        vnc: join(run, 'vnc'),
        serial: join(run, 'serial'),
        console: join(own, 'console.log'),
        output: join(own, 'qemu.log'),
        configDrive: join(own, 'config-drive.iso'),
        disk: (label) => join(own, `${label.replace(/[^a-z0-9-]/g, '-')}.qcow2`),
      }
    },
  }
}
