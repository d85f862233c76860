// What `nft list ruleset` prints, counted: read as text, since as JSON the rules of some hundred ports are megabytes.

export interface RuleCounts {
  readonly chains: Readonly<Record<string, number>>
  readonly sets: readonly string[]
}

/** @throws Error when the text was cut off */
export function countRules(text: string): RuleCounts {
  const [chains, sets]: [Record<string, number>, string[]] = [{}, []]
  let table = ''
  let chain: string | undefined
  for (const line of text.split('\n')) {
    const [, object, ...names] = /^(table|\tchain|\tset) (\S+)(?: (\S+))? \{$/.exec(line) ?? []
    if (object === 'table') table = names.join(' ')
    else if (object === '\tset') sets.push(`${table} ${names[0]}`)
    else if (object === '\tchain') chains[(chain = `${table} ${names[0]}`)] = 0
    else if (line === '\t}') chain = undefined
    else if (line === '}') table = ''
    else if (chain !== undefined && !/^\t\ttype \S+ hook /.test(line)) chains[chain] = (chains[chain] ?? 0) + 1
  }
  if (table !== '') throw new Error('The list of rules was cut off.')
  return { chains, sets }
}
