// Decisions about a server's block devices that its host and its conductor make alike.
import type { BlockDevice, ServerDescription } from './server.ts'

/** What an ephemeral disk may be formatted with; ext4 when nothing is said. */
export const fileSystems = ['ext2', 'ext3', 'ext4'] as const
export type FileSystem = (typeof fileSystems)[number]

type Blank = Pick<BlockDevice, 'source' | 'destination' | 'guestFormat'>

export const isSwap = ({ source, destination, guestFormat }: Blank): boolean => source === 'blank' && destination === 'local' && guestFormat === 'swap'

export const isEphemeral = (device: Blank): boolean => device.source === 'blank' && device.destination === 'local' && !isSwap(device)

export interface VolumeToMake {
  readonly deviceId: string
  readonly volume: { readonly name: string; readonly sizeGiB: number; readonly imageId?: string; readonly volumeType?: string }
}

/** Volumes that are asked for and not made yet. */
export function volumesToMake(server: ServerDescription): VolumeToMake[] {
  return server.blockDevices
    .filter(({ destination, source, volumeId }) => destination === 'volume' && (source === 'blank' || source === 'image') && volumeId === undefined)
    .map((device) => ({
      deviceId: device.id,
      volume: {
        name: device.source === 'blank' ? `${server.serverId}-blank-vol` : '', sizeGiB: device.sizeGiB ?? 1,
        ...(device.source === 'image' && device.imageId !== undefined && { imageId: device.imageId }),
        ...(device.volumeType !== undefined && { volumeType: device.volumeType }),
      },
    }))
}

/** All of its volumes have been made. */
export const hasVolumes = (server: ServerDescription): boolean => volumesToMake(server).length === 0

export const hasPorts = (server: ServerDescription): boolean => server.ports.length >= server.requestedNetworks.length

/** All of it has been made and connected: it can be started. */
export const isWhole = (server: ServerDescription): boolean =>
  hasVolumes(server) && hasPorts(server) && server.blockDevices.every(({ destination, attachmentId }) => destination !== 'volume' || attachmentId !== undefined)

/** The idempotency key of a volume's creation: another one on each host that a build tries. */
export function volumeKey(operationId: string, host: string, deviceId: string): string {
  return `${operationId}/create-volumes@${host}/${deviceId}`
}

/** Of a volume's attachment, and of a port's creation, likewise. */
export function connectionKey(operationId: string, host: string, volumeId: string): string {
  return `${operationId}/connect-volumes@${host}/${volumeId}`
}

export function portKey(operationId: string, host: string, at: number): string {
  return `${operationId}/create-ports@${host}/${at}`
}
