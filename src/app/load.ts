// Loads every module that the real drivers may ask for later, while the process may still read the program's folder.
import { services } from './services.ts'

export async function loadEverything(): Promise<void> {
  for (const service of services) await service.load()
}
