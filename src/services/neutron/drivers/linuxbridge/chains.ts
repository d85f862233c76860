// What an engine knows of the chains in its fabric: how many rules it put into each, and the words in which nft shows them. nft writes
// rules in its own way, so their words are taken from the first look after a change, and compared with every later one.

export interface Chains {
  /** A ruleset is about to be put in force. One command to a line, as all rulesets of this engine are written. */
  change(ruleset: string): void
  /** It is in force. */
  note(ruleset: string): void
  /** To be begun before the rules are listed. @returns what says of a chain, named by family and name, whether it is as it was put there */
  look(): (chain: string, rules: number | undefined, words: string | undefined) => boolean
}

export function knownChains(): Chains {
  /** What an earlier run put there is not known. */
  const inForce = new Map<string, number>()
  const seen = new Map<string, string>()
  /** When each chain changed last: a list that was begun before may show it as it was. */
  const changed = new Map<string, number>()
  let now = 0

  function forget(chains: Iterable<string>): void {
    now += 1
    for (const chain of chains) {
      seen.delete(chain)
      changed.set(chain, now)
    }
  }
  return {
    change: (ruleset) => forget(new Set(commandsIn(ruleset).map(({ chain }) => chain))),
    note(ruleset) {
      const commands = commandsIn(ruleset)
      for (const { verb, object, chain } of commands) {
        if (object === 'rule') inForce.set(chain, (inForce.get(chain) ?? 0) + 1)
        else if (verb === 'delete') inForce.delete(chain)
        else if (verb === 'flush' || !inForce.has(chain)) inForce.set(chain, 0)
      }
      forget(new Set(commands.map(({ chain }) => chain)))
      for (const { chain } of commands) if (!inForce.has(chain)) changed.delete(chain)
    },
    look() {
      const begun = now
      return (chain, rules, words = '') => {
        if (rules === undefined || rules !== (inForce.get(chain) ?? rules)) return false
        if ((changed.get(chain) ?? 0) > begun) return true
        const before = seen.get(chain)
        if (before === undefined) seen.set(chain, words)
        return before === undefined || before === words
      }
    },
  }
}

function commandsIn(ruleset: string) {
  return ruleset.split('\n').flatMap((line) => {
    const [, verb, object, family, name] = /^(add|flush|delete) (chain|rule) (\S+) \S+ (\S+)/.exec(line) ?? []
    return verb === undefined ? [] : [{ verb, object, chain: `${family} ${name}` }]
  })
}
