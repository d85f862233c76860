// Loads every module that may be asked for later, while the process may still read the program's folder.
import { preloadVolumeDriver } from '../services/cinder/drivers/index.ts'
import { preloadNetworkDriver } from '../services/neutron/drivers/index.ts'
import { preloadHypervisorDriver } from '../services/nova/drivers/index.ts'
import { services } from './services.ts'

export async function loadEverything(): Promise<void> {
  await Promise.all([...services.map((service) => service.load()), preloadHypervisorDriver(), preloadVolumeDriver(), preloadNetworkDriver()])
}
