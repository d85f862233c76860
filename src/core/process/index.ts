// Commands of the machine: unprivileged ones, and the helper for those that need root.
export { startHelper, type StartedHelper } from './client.ts'
export { CommandFailed, HelperGone, NotAllowed } from './errors.ts'
export { readValues, type RulesWithValues } from './helper/nft-text.ts'
export type { HelperOptions } from './helper/protocol.ts'
export type {
  BatchPlace, DaemonKind, DaemonSpec, Finished, Place, Privileged, ProcessIdentity, ProcessRunner, RunOptions, StrayProgram,
} from './interface.ts'
export { createProcessRunner } from './runner.ts'
export { turns } from './turns.ts'
