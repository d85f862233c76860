// Tables written as nft prints them, so that one reader reads what was put in force and what is there.

/** @param table with its family */
export const asListed = (table: string, parts: readonly string[]) => `table ${table} {\n${parts.join('\n')}}\n`

export const chainAsListed = (hook: string, type: 'filter' | 'nat', priority: number, rules: readonly string[]) =>
  block(`chain ${hook}`, [`type ${type} hook ${hook} priority ${priority}; policy accept;`, ...rules])

export const setAsListed = (name: string, properties: readonly string[], elements: readonly string[]) =>
  block(`set ${name}`, [...properties, ...(elements.length > 0 ? [`elements = { ${[...new Set(elements)].join(', ')} }`] : [])])

const block = (head: string, lines: readonly string[]) => `\t${head} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`
