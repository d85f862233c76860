// Which rulesets nft may be given: every command names a table of this cloud, and nothing is read from elsewhere.
import { refuse } from './allow.ts'
import type { HelperOptions } from './protocol.ts'

const actions = ['add', 'create', 'delete', 'flush', 'insert', 'replace']
const objects = ['table', 'chain', 'rule', 'map', 'set', 'element']
const families = ['ip', 'ip6', 'inet', 'bridge', 'arp']
const maximumLength = 8 * 1024 * 1024

/** The table on the host that belongs to a cloud; in the cloud's namespaces the name is free. */
export const hostTable = (prefix: string) => `nimbo_${prefix}`

/**
 * @returns the ruleset, unchanged
 * @throws NotAllowed for a command outside of the cloud's tables, an include, a definition or an unended bracket
 */
export function ruleset(options: HelperOptions, value: unknown, netns: string | undefined): string {
  if (typeof value !== 'string' || value.length > maximumLength) refuse('A ruleset', typeof value)
  const whole = value
  for (const command of commands(whole)) checkCommand(options, command, netns)
  return whole
}

/** Split into commands: newlines and semicolons outside of brackets end one. Words inside brackets are kept too. */
function commands(whole: string): string[][] {
  const found: string[][] = []
  let current: string[] = []
  let depth = 0
  const pattern = /"[^"\n\\]*"|[{}]|[;\n]|[^\s{};"]+|[ \t]+|["\s]/g
  for (const [token] of whole.matchAll(pattern)) {
    if (token === '"' || token === '\r') refuse('A character of a ruleset', token)
    if (/^[ \t]+$/.test(token)) continue
    if (token === '{') depth += 1
    if (token === '}') depth -= 1
    if (depth < 0) refuse('A bracket of a ruleset', whole.slice(0, 100))
    if (token === '\n' || token === ';') {
      if (depth === 0 && current.length > 0) found.push(current)
      if (depth === 0) current = []
      continue
    }
    if (!token.startsWith('"')) checkWord(token)
    current.push(token)
  }
  if (depth !== 0) refuse('An open bracket', whole.slice(-100))
  if (current.length > 0) found.push(current)
  return found
}

function checkWord(token: string): void {
  if (token === 'include' || token === 'define' || token === 'redefine' || token === 'undefine') refuse('A word', token)
  if (/[$\\#`]/.test(token)) refuse('A character of a ruleset', token)
}

function checkCommand(options: HelperOptions, command: readonly string[], netns: string | undefined): void {
  const [first = ''] = command
  const rest = actions.includes(first) ? command.slice(1) : command
  const [object = '', family = '', table = ''] = rest
  if (!actions.includes(first) && object !== 'table') refuse('A command of a ruleset', command.slice(0, 6))
  if (!objects.includes(object) || !families.includes(family)) refuse('A command of a ruleset', command.slice(0, 6))
  const known = netns === undefined ? table === hostTable(options.prefix) : /^nimbo[a-z_]*$/.test(table)
  if (!known) refuse('A table', command.slice(0, 6))
}
