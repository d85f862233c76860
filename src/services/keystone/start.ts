// Puts keystone together from what a runtime offers.
import { join } from 'node:path'
import { identityEvents } from '#core/client'
import { rpcClient } from '#core/rpc'
import { ownContext, type Runtime } from '#core/service'
import { identityPolicy } from './api/policy.ts'
import { keystoneOptions } from './config.ts'
import { migrations, type Tables } from './db/index.ts'
import { memoryKeys, openKeyRepository, rotateKeys } from './domain/fernet/keys.ts'
import type { Keystone } from './domain/keystone.ts'
import { createPasswords } from './domain/passwords.ts'
import { Remembered } from './domain/remembered.ts'

/** The part of a runtime that identity needs. */
export type IdentityRuntime = Pick<Runtime, 'clock' | 'random' | 'ids' | 'log' | 'host' | 'dataDirectory' | 'bus' | 'trace' | 'database' | 'config' | 'stage'>

const keyDirectory = (runtime: Pick<Runtime, 'dataDirectory'>) => join(runtime.dataDirectory, 'fernet-keys')

export async function openKeystone(runtime: IdentityRuntime): Promise<Keystone> {
  const { clock, random, ids, log, bus, trace } = runtime
  const options = runtime.config(keystoneOptions)
  const events = rpcClient(bus, runtime, identityEvents)
  const remembered = new Remembered()
  return {
    clock, random, ids, log, trace, options,
    database: await runtime.database<Tables>('keystone', migrations),
    keys: runtime.dataDirectory === ':memory:' ? memoryKeys(random) : openKeyRepository(keyDirectory(runtime), runtime, () => remembered.forget()),
    passwords: createPasswords({ rounds: options.password_hash_rounds, concurrency: options.password_hash_concurrency, maxLength: options.max_password_length }, random, runtime.stage?.outside),
    policy: identityPolicy(),
    remembered,
    announce(reason) {
      events.everyone().changed(ownContext(runtime, 'keystone'), { reason }).catch((error: unknown) => log.error({ err: error }, 'a change of identity could not be announced'))
    },
  }
}

/** Rotate the fernet keys on disk; a running keystone sees it by itself. @returns the number of the new primary key */
export function rotateFernetKeys(runtime: Pick<Runtime, 'dataDirectory' | 'random' | 'config'>): number {
  return rotateKeys(keyDirectory(runtime), runtime.random, runtime.config(keystoneOptions).max_active_keys)
}
