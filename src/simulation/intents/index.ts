// Everything that people may want in a simulation; a noun that is built joins here.
import type { Intent } from './actor.ts'
import { computeIntents } from './compute.ts'
import { identityIntents } from './identity.ts'
import { networkIntents } from './network.ts'
import { storageIntents } from './storage.ts'

export type { Actor, Intent } from './actor.ts'

export const intents: Readonly<Record<string, readonly [weight: number, Intent]>> = { ...computeIntents, ...storageIntents, ...networkIntents, ...identityIntents }
