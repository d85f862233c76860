// What `nft list ruleset` prints, in short: read as text, since as JSON the rules of some hundred ports are megabytes.
import { createHash, type Hash } from 'node:crypto'

export interface RulesInShort {
  /** How many rules each chain has, by `family table name`. */
  readonly chains: Readonly<Record<string, number>>
  /** What each set holds, as nft writes it: `10.0.0.1`, `10.0.0.0/24`, `10.0.0.1-10.0.0.3`. */
  readonly sets: Readonly<Record<string, readonly string[]>>
}

export interface RulesWithWords extends RulesInShort {
  /** A digest of the rules of each chain that has any, in their order. */
  readonly words: Readonly<Record<string, string>>
}

export interface RulesWithValues extends RulesInShort {
  /** The addresses, numbers and devices that the rules of each chain name, sorted; pairs as they belong together: `10.0.0.1 : 203.0.113.5`. */
  readonly values: Readonly<Record<string, readonly string[]>>
}

/** @throws Error when the text was cut off */
export function readRules(text: string): RulesWithWords {
  const hashes: Record<string, Hash> = {}
  const rules = read(text, (chain, rule) => (hashes[chain] ??= createHash('sha1')).update(rule).update('\n'))
  return { ...rules, words: Object.fromEntries(Object.entries(hashes).map(([chain, hash]) => [chain, hash.digest('base64').slice(0, 16)])) }
}

/** A ruleset that is written as nft prints it reads the same before it is put in force and after. @throws Error when the text was cut off */
export function readValues(text: string): RulesWithValues {
  const values: Record<string, string[]> = {}
  const rules = read(text, (chain, rule) => (values[chain] ??= []).push(...rule.match(namedValues) ?? []))
  return { ...rules, values: Object.fromEntries(Object.entries(values).map(([chain, named]) => [chain, named.sort()])) }
}

const namedValues = /"[^"]*"|[\w./:-]*\d[\w./:-]*(?: [:.] [\w./:-]*\d[\w./:-]*)*/g

function read(text: string, see: (chain: string, rule: string) => unknown): RulesInShort {
  const [chains, sets]: [Record<string, number>, Record<string, string[]>] = [{}, {}]
  let table = ''
  let chain: string | undefined
  let set: string[] | undefined
  let inElements = false
  for (const line of text.split('\n')) {
    const [, object, ...names] = /^(table|\tchain|\tset) (\S+)(?: (\S+))? \{$/.exec(line) ?? []
    if (object === 'table') table = names.join(' ')
    else if (object === '\tset') sets[`${table} ${names[0]}`] = set = []
    else if (object === '\tchain') chains[(chain = `${table} ${names[0]}`)] = 0
    else if (line === '\t}') chain = set = undefined
    else if (line === '}') table = ''
    else if (chain !== undefined && !/^\t\ttype \S+ hook /.test(line)) {
      chains[chain] = (chains[chain] ?? 0) + 1
      see(chain, line)
    } else if (set !== undefined && (inElements || line.startsWith('\t\telements = {'))) {
      set.push(...line.replace('elements =', '').split(/[\s,{}]+/).filter((word) => word !== ''))
      inElements = !line.endsWith('}')
    }
  }
  if (table !== '') throw new Error('The list of rules was cut off.')
  return { chains, sets }
}
