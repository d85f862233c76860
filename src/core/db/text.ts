// Looking for a text within a column's text, the same on every engine.
import { sql, type Expression, type SqlBool } from 'kysely'

/** Upper and lower case of ASCII letters count as the same; `%` and `_` stand for themselves. */
export function contains(column: string, text: string): Expression<SqlBool> {
  // What lower() does to other letters differs: SQLite leaves them, PostgreSQL asks the collation.
  const pattern = text.replaceAll(/[\\%_]/g, '\\$&').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${`%${pattern}%`} escape '\\'`
}

/** In exactly these letters. */
export function beginsWith(column: string, text: string): Expression<SqlBool> {
  return sql<SqlBool>`substr(${sql.ref(column)}, 1, length(${text})) = ${text}`
}
