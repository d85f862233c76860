// What other services may know of cinder.
export { attachmentRoutes, type Attachment, type ConnectionInfo } from './attachments.ts'
export { rollCall, serviceEvents, type ServiceReport } from './service-events.ts'
export { type Pool, schedulerRpc } from './scheduler-rpc.ts'
export { cinderVersions } from './versions.ts'
export { type ImageSource, volumeRpc } from './volume-rpc.ts'
export { defaultTypeRoutes, extraSpecRoutes, volumeTypeRoutes, type VolumeType } from './volume-types.ts'
export { volumeRoutes, type Volume } from './volumes.ts'
