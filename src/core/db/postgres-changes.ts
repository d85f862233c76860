// The log of changes on PostgreSQL. Its triggers wait for the end of their transaction, so that the lock which puts events in
// the order of the commits is the last that any transaction takes, and is held no longer than a commit lasts.
import { createHash } from 'node:crypto'
import { type Change, type EventSql, literal, partsOf } from './changes.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { claimNumber } from './postgres-transaction.ts'

const sql: EventSql = {
  differs: (one, other) => `${one} is distinct from ${other}`,
  object: (list) => `json_build_object(${Object.entries(list).map(([name, value]) => `${literal(name)}, ${value}`).join(', ')})::text`,
  parsed: (text) => `${text}::json`,
  upTo: (separator, text) => `split_part(${text}, ${literal(separator)}, 1)`,
}

/** Asked of the transaction, which sets them before its end; whoever changes a row with another tool sets none. */
const setting = (name: string) => `nullif(current_setting('nimbo.${name}', true), '')`
const given = {
  time: `coalesce(${setting('now')}::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint)`,
  operation_id: setting('operation'), request_id: setting('request'),
}

function triggerFor(change: Change, lock: bigint): string {
  const { timing, when, into, values } = partsOf(change, sql, given)
  const name = `event_${change.name}`
  return `create or replace function ${name}() returns trigger language plpgsql as $event$ begin
    perform pg_advisory_xact_lock(${lock});
    insert into events (${into}) select ${values}${change.from === undefined ? '' : ` from ${change.from}`};
    perform set_config('nimbo.eventful', '1', true);
    return null;
  end $event$;
  drop trigger if exists ${name} on ${change.table};
  create constraint trigger ${name} after ${timing} on ${change.table} deferrable initially deferred for each row${when} execute function ${name}();`
}

/** Makes the triggers, unless those that are there are the same. */
export async function installTriggers(connection: PostgresConnection, name: string, changes: readonly Change[]): Promise<void> {
  const script = changes.map((change) => triggerFor(change, claimNumber(`${name}/events`))).join('\n')
  const digest = createHash('sha256').update(script).digest('hex')
  await connection.script('create table if not exists schema_triggers (digest text not null)')
  const { rows } = await connection.execute<{ digest: string }>({ sql: 'select digest from schema_triggers', parameters: [] })
  if (rows[0]?.digest === digest) return
  const old = await connection.execute<{ name: string; table: string }>({
    sql: "select tgname as name, tgrelid::regclass::text as \"table\" from pg_trigger where tgname like 'event\\_%' and tgrelid in (select oid from pg_class where relnamespace = current_schema()::regnamespace)",
    parameters: [],
  })
  const drop = old.rows.map((row) => `drop trigger ${row.name} on ${row.table};`).join(' ')
  await connection.script(`begin; ${drop} ${script} delete from schema_triggers; insert into schema_triggers values (${literal(digest)}); commit`)
}
