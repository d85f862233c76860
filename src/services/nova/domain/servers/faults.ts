// What the owner of a server reads when something went wrong with it: which part of the work, and why.
import type { OperationFault } from '#core/operations'

const parts: Readonly<Record<string, string>> = {
  claim: 'while the chosen host took it',
  'create-in-cell': 'while it was written down',
  'create-volumes': 'while its volumes were made',
  'create-ports': 'while its ports were made',
  'prepare-image': 'while its image was fetched',
  'connect-volumes': 'while its volumes were connected',
  'await-ports': 'while it waited for its network',
  spawn: 'while its guest was started',
}

export function faultMessage(work: string, fault: OperationFault): string {
  // Upstream's own words come first here: clients look for them.
  if (fault.step === 'schedule') return fault.message.slice(0, 1000)
  return `The ${work} of the server failed ${parts[fault.step] ?? `at the step ${fault.step}`}: ${fault.message.replace(/[^.]$/, '$&.')}`.slice(0, 1000)
}
