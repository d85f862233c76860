// Loads every module that the real drivers may ask for later, while the process may still read the program's folder.
import { services } from './services.ts'

const drivers = [
  () => import('../services/nova/drivers/qemu/index.ts'),
  () => import('../services/cinder/drivers/file/index.ts'),
  () => import('../services/neutron/drivers/linuxbridge/index.ts'),
]

export async function loadEverything(): Promise<void> {
  for (const service of services) await service.load()
  for (const load of drivers) await load()
}
