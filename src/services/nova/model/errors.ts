// What can be wrong with a request to nova, in upstream's words where clients read them.
import { errorClass } from '#core/errors'

export const InstanceNotFound = errorClass('InstanceNotFound', 404, 'nova.instance_not_found')
export const InstanceInvalidState = errorClass('InstanceInvalidState', 409, 'nova.invalid_state')
export const InstanceIsLocked = errorClass('InstanceIsLocked', 409, 'nova.locked')
export const OverQuota = errorClass('OverQuota', 403, 'nova.over_quota')
export const NoValidHost = errorClass('NoValidHost', 500, 'nova.no_valid_host')
export const NetworkAmbiguous = errorClass('NetworkAmbiguous', 409, 'nova.network_ambiguous')
/** Of these a request for new servers makes its own fault, as upstream: 400 there. */
export const NetworkNotFound = errorClass('NetworkNotFound', 404, 'nova.network_not_found')
export const PortNotFound = errorClass('PortNotFound', 404, 'nova.port_not_found')
export const FixedIpAlreadyInUse = errorClass('FixedIpAlreadyInUse', 409, 'nova.fixed_ip_in_use')
export const NoMoreFixedIps = errorClass('NoMoreFixedIps', 400, 'nova.no_more_fixed_ips')
export const PortLimitExceeded = errorClass('PortLimitExceeded', 403, 'nova.port_limit')
export const TooManyDiskDevices = errorClass('TooManyDiskDevices', 403, 'nova.too_many_disks')
/** A host was told something by a lease that another one has followed. */
export const StaleEpoch = errorClass('StaleEpoch', 409, 'nova.stale_epoch')
/** This host cannot carry the server; another one may. */
export const HostUnfit = errorClass('HostUnfit', 500, 'nova.host_unfit')
/** No host of ours can give a guest what it asks for (nova/exception.py). */
export const UnsupportedHardware = errorClass('UnsupportedHardware', 400, 'nova.unsupported_hardware')
/** A host was to be asked, and does not answer. */
export const ComputeServiceUnavailable = errorClass('ComputeServiceUnavailable', 400, 'nova.compute_unavailable')
export const VirtualInterfaceTimeout = errorClass('VirtualInterfaceTimeout', 500, 'nova.vif_timeout')
export const VolumeNotCreated = errorClass('VolumeNotCreated', 500, 'nova.volume_not_created')

export function notFound(serverId: string) {
  return new InstanceNotFound(`Instance ${serverId} could not be found.`, { serverId })
}

/** As upstream words a conflict of states (nova/api/openstack/common.py). */
export function invalidState(action: string, serverId: string, attribute: 'vm_state' | 'task_state', state: string) {
  return new InstanceInvalidState(`Cannot '${action}' instance ${serverId} while it is in ${attribute} ${state}`, { serverId, attribute, state })
}
