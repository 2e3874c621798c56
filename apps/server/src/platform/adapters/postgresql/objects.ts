import type { DatabaseObject } from "@latchkey/core/delivery/migrations/objects";
import type { TableSize } from "@latchkey/core/delivery/migrations/ports";
import type pg from "pg";

/** A schema with more named things than this is not compared: the largest we know of has a third of it. */
const OBJECTS_MAX = 200_000;
/** PostgreSQL's own: nobody's migrations make them. */
const OURS = "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'";

/** What there is, by kind and name, as `packages/core` names it for files. */
const OBJECTS = `
  select 'schema' as kind, n.nspname as name, null as type from pg_namespace n where ${OURS}
  union all select 'extension', extname, null from pg_extension
  union all select case when c.relkind in ('r', 'p', 'f') then 'table' when c.relkind in ('v', 'm') then 'view'
      when c.relkind = 'S' then 'sequence' when c.relkind = 'c' then 'type' else 'index' end, n.nspname || '.' || c.relname, null
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c', 'i', 'I') and ${OURS}
      and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  union all select 'column', n.nspname || '.' || c.relname || '.' || a.attname, t.typname
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped and ${OURS}
  union all select 'row security', n.nspname || '.' || c.relname, null
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relrowsecurity and ${OURS}
  union all select 'type', n.nspname || '.' || t.typname, null
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype in ('e', 'd', 'r') and ${OURS}
  union all select distinct 'function', n.nspname || '.' || p.proname, null
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS}
  union all select 'trigger', n.nspname || '.' || c.relname || '.' || g.tgname, null
    from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where not g.tgisinternal and ${OURS}
  union all select 'policy', n.nspname || '.' || c.relname || '.' || p.polname, null
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where ${OURS}
  union all select 'constraint', n.nspname || '.' || c.relname || '.' || k.conname, null
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace where ${OURS}
  limit ${OBJECTS_MAX}`;

/** The one table that Latchkey itself keeps in a workload's database. */
const OWN = "public.latchkey_migration";

export async function objectsIn(client: pg.Client): Promise<readonly DatabaseObject[]> {
  const { rows } = await client.query<DatabaseObject>(OBJECTS);
  if (rows.length === OBJECTS_MAX) throw new RangeError(`the schema has more than ${OBJECTS_MAX} named things`);
  return rows.filter(({ name }) => name !== OWN && !name.startsWith(`${OWN}.`));
}

/** `reltuples` is -1 for a table that was never looked through. */
export async function sizesIn(client: pg.Client, tables: readonly string[]): Promise<readonly TableSize[]> {
  const { rows } = await client.query<{ table: string; rows: number; bytes: string }>(
    `select n.nspname || '.' || c.relname as table, c.reltuples as rows, pg_total_relation_size(c.oid) as bytes
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'm') and n.nspname || '.' || c.relname = any($1)`,
    [tables],
  );
  return rows.map(({ table, rows: n, bytes }) => ({ table, rows: n < 0 ? null : Math.round(n), bytes: Number(bytes) }));
}
