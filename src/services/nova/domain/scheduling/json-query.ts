// The small language of the hint `query`: a list of an operator and its operands, where `$name` is a fact of the host
// (nova/scheduler/filters/json_filter.py).
import { BadRequest } from '#core/errors'
import type { HostState } from './hosts.ts'

type Value = string | number | boolean | null | readonly Value[] | undefined

const deepest = 20

/** The facts by upstream's names; a dot leads into those that have parts. */
function factOf(host: HostState, name: string): Value {
  const { reported, capabilities } = host
  const facts: Readonly<Record<string, Value>> = {
    host: host.host, nodename: host.node, host_ip: host.hostIp, num_instances: host.servers, num_io_ops: host.tasks, vcpus_total: reported.vcpus,
    total_usable_ram_mb: reported.ramMiB, free_ram_mb: reported.freeRamMiB, total_usable_disk_gb: reported.diskGiB, free_disk_mb: reported.freeDiskGiB * 1024,
    hypervisor_type: capabilities['hypervisor_type'], hypervisor_version: Number(capabilities['hypervisor_version']), hypervisor_hostname: capabilities['hypervisor_hostname'],
    'cpu_info.arch': capabilities['cpu_info:arch'], 'cpu_info.model': capabilities['cpu_info:model'], 'cpu_info.vendor': capabilities['cpu_info:vendor'],
  }
  return Object.hasOwn(facts, name) ? facts[name] : undefined
}

/** The first against each of the others; of one alone nothing can be said. */
const compare = (holds: (first: Value, other: Value) => boolean) => ([first, ...others]: readonly Value[]) => others.length > 0 && others.every((other) => holds(first, other))
const ordered = (holds: (a: number | string, b: number | string) => boolean) => compare((a, b) =>
  (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string') ? holds(a, b) : false)

const operators: Readonly<Record<string, (operands: readonly Value[]) => Value>> = {
  '=': compare((a, b) => a === b),
  '<': ordered((a, b) => a < b),
  '>': ordered((a, b) => a > b),
  '<=': ordered((a, b) => a <= b),
  '>=': ordered((a, b) => a >= b),
  in: ([first, ...others]) => others.includes(first),
  not: (operands) => operands.map((each) => !each),
  or: (operands) => operands.some(Boolean),
  and: (operands) => operands.every(Boolean),
}

const refuse = (why: string) => new BadRequest(`Invalid input for field/attribute query. ${why}`)

/** @throws BadRequest for what is not of the language */
export function readQuery(text: string): (host: HostState) => boolean {
  let query: unknown
  try {
    query = JSON.parse(text)
  } catch {
    throw refuse('It is not JSON.')
  }
  check(query, 0)
  return (host) => {
    const result = evaluate(query as Value, host)
    return Array.isArray(result) ? result.some(Boolean) : Boolean(result)
  }
}

function check(value: unknown, depth: number): void {
  if (depth > deepest) throw refuse('It is nested too deeply.')
  if (!Array.isArray(value)) {
    if (depth === 0 || (typeof value === 'object' && value !== null)) throw refuse('It is not a list of an operator and its operands.')
    return
  }
  const [operator, ...operands] = value as readonly unknown[]
  if (operator === undefined) return
  if (typeof operator !== 'string' || !Object.hasOwn(operators, operator)) throw refuse(`Its operators are ${Object.keys(operators).join(', ')}.`)
  for (const each of operands) check(each, depth + 1)
}

function evaluate(value: Value, host: HostState): Value {
  if (typeof value === 'string') return value.startsWith('$') ? factOf(host, value.slice(1)) : value
  if (!Array.isArray(value)) return value
  const [operator, ...operands] = value as readonly Value[]
  if (operator === undefined) return true
  // What a host does not have is left out.
  return operators[String(operator)]?.(operands.map((each) => evaluate(each, host)).filter((each) => each !== undefined && each !== null))
}
