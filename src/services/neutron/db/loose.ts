// A handle whose tables are named by variables, for what is the same for all nouns.
import type { Migration } from '#core/db'

export type LooseDb = Parameters<Migration['up']>[0]
