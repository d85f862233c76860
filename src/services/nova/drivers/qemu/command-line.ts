// A guest's spec as QEMU's command line: a pure function, so that what runs can be read off a test.
import type { GuestSpec } from '../interface.ts'
import { configDriveDisk, localDisk, networkDevice, rootPorts, scsiController, volumeDisk, type Plugged } from './devices.ts'
import type { GuestPaths } from './paths.ts'

export interface Accelerator {
  readonly kind: 'kvm' | 'tcg'
}

export function guestArguments(spec: GuestSpec, paths: GuestPaths, accelerator: Accelerator): string[] {
  const machine = spec.machine?.type ?? 'pc'
  return [
    '-name', `guest=${spec.serverId}`,
    '-uuid', spec.serverId,
    '-nodefaults', '-no-user-config', '-no-shutdown',
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-machine', `type=${machine},usb=off`,
    ...accelerate(accelerator),
    '-cpu', spec.machine?.cpuModel ?? 'max',
    '-smp', `cpus=${spec.vcpus}`,
    '-m', `size=${spec.ramMiB}M`,
    '-rtc', 'base=utc',
    '-boot', 'strict=on',
    // By this cloud-init and others know where they are.
    '-smbios', `type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,serial=${spec.serverId},uuid=${spec.serverId},family=Virtual Machine`,
    '-pidfile', `${paths.run}/pid`,
    ...monitor('monitor', paths.qmp),
    ...monitor('spare', paths.spareQmp),
    '-chardev', `socket,id=serial0,path=${escaped(paths.serial)},server=on,wait=off,logfile=${escaped(paths.console)},logappend=on`,
    '-device', 'isa-serial,chardev=serial0',
    '-device', 'VGA,id=display,vgamem_mb=8',
    '-vnc', `unix:${escaped(paths.vnc)}`,
    ...rootPorts(spec.machine).flatMap((port) => ['-device', JSON.stringify(port)]),
    ...(spec.disks.some((disk) => disk.bus === 'scsi') ? ['-device', `virtio-scsi-pci,id=${scsiController}`] : []),
    ...disksOf(spec, paths).flatMap(({ node, device }) => ['-blockdev', JSON.stringify(node), '-device', JSON.stringify(device)]),
    ...spec.ports.map(networkDevice).flatMap(({ netdev, device }) => ['-netdev', JSON.stringify(netdev), '-device', JSON.stringify(device)]),
    ...(spec.machine?.randomDevice === false ? [] : ['-device', 'virtio-rng-pci,id=random']),
    '-msg', 'timestamp=on',
  ]
}

/** Disks in the order of the spec, so that the guest names them so; the config drive comes last. */
function disksOf(spec: GuestSpec, paths: GuestPaths): Plugged[] {
  const disks = spec.disks.map((disk) => {
    if (disk.kind === 'volume') return volumeDisk(disk)
    const label = diskLabel(disk)
    return localDisk(disk, label, paths.disk(label))
  })
  return spec.configDrive === undefined ? disks : [...disks, configDriveDisk(paths.configDrive)]
}

/** The name of a local disk: of its file, and of its block node. */
export function diskLabel(disk: { kind: 'image' } | { kind: 'blank'; label: string }): string {
  return disk.kind === 'image' ? 'root' : `blank-${disk.label}`.slice(0, 24)
}

export function accelerate(accelerator: Accelerator): string[] {
  // The default code buffer of TCG is a gigabyte; 64 MiB cost nothing that could be measured.
  return accelerator.kind === 'kvm' ? ['-accel', 'kvm'] : ['-accel', 'tcg,tb-size=64']
}

function monitor(id: string, path: string): string[] {
  return ['-chardev', `socket,id=${id},path=${escaped(path)},server=on,wait=off`, '-mon', `chardev=${id},mode=control`]
}

/** In QEMU's option strings a comma ends a value unless it is doubled. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,')
}
