import { createHash } from "node:crypto";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import type pg from "pg";
import { from, to } from "pg-copy-streams";
import type { Table } from "./manifest.ts";
import type { Sink } from "./reading.ts";

/** A table as the database describes it. */
export interface Shape {
  readonly name: string;
  /** Without generated ones: they follow from the others. */
  readonly columns: readonly string[];
  /** The primary key as an order that every server agrees on: texts by their bytes, not by a language. */
  readonly order: string;
  /** About this many bytes on the disk. */
  readonly diskBytes: number;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** All tables of Latchkey's database, those first that others refer to. */
export async function shapesOf(client: pg.Client): Promise<Shape[]> {
  const found = await client.query<{
    name: string;
    columns: string[];
    order: string | null;
    bytes: string;
    needs: string[];
  }>(`
    select c.relname as name, pg_relation_size(c.oid) as bytes,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '' order by a.attnum) as columns,
      (select string_agg(format('%I', a.attname) || case when t.typcollation <> 0 then ' collate "C"' else '' end, ', ' order by k.place)
        from pg_index i cross join unnest(i.indkey) with ordinality as k(attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum join pg_type t on t.oid = a.atttypid
        where i.indrelid = c.oid and i.indisprimary) as order,
      array(select distinct r.relname::text from pg_constraint f join pg_class r on r.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f' and r.oid <> c.oid) as needs
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r' order by c.relname collate "C"`);
  const left = new Map(found.rows.map((row) => [row.name, row]));
  const shapes: Shape[] = [];
  while (left.size > 0) {
    const next = [...left.values()].find((row) => row.needs.every((name) => !left.has(name)));
    if (!next) throw new Error(`The tables ${[...left.keys()].join(", ")} refer to one another in a circle.`);
    if (next.order === null) throw new Error(`The table ${next.name} has no primary key: its rows have no order.`);
    left.delete(next.name);
    shapes.push({ name: next.name, columns: next.columns, order: next.order, diskBytes: Number(next.bytes) });
  }
  return shapes;
}

/** The rows of a table in COPY's text form, in order. `rowCount` is known when it has ended. */
export function copyOut(client: pg.Client, shape: Shape): AsyncIterable<Buffer> & { readonly rowCount: number } {
  const columns = shape.columns.map(quoted).join(", ");
  const copy = to(`copy (select ${columns} from public.${quoted(shape.name)} order by ${shape.order}) to stdout`);
  return new CountedRows(client.query(copy));
}

/**
 * Every row ends with a newline and has none within (COPY's text form writes those as \n). The server's own count comes
 * in a message after the rows: when that was not in the same packet, the stream had ended with a count of 0.
 */
class CountedRows {
  readonly #chunks: AsyncIterable<Buffer>;
  rowCount = 0;
  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for await (const chunk of this.#chunks) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) this.rowCount += 1;
      yield chunk;
    }
  }
}
const NEWLINE = 0x0a;

/** A table's rows, counted and hashed: the same wherever the same rows are. */
export async function digestOf(client: pg.Client, shape: Shape): Promise<Pick<Table, "rows" | "sizeBytes" | "sha256">> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const out = copyOut(client, shape);
  for await (const chunk of out) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { rows: out.rowCount, sizeBytes, sha256: hash.digest("hex") };
}

/** Takes a table's rows in COPY's text form. */
export function copyIn(client: pg.Client, table: Pick<Table, "name" | "columns">): Sink {
  const columns = table.columns.map(quoted).join(", ");
  const stream = client.query(from(`copy public.${quoted(table.name)} (${columns}) from stdin`));
  const over = finished(stream);
  // Asked for at the end; a failure before that is not unheard.
  over.catch(() => {});
  return {
    write: async (bytes) => {
      if (stream.errored) await over;
      if (!stream.write(bytes)) await Promise.race([once(stream, "drain"), over]);
    },
    end: async () => {
      stream.end();
      await over;
    },
  };
}

/** Empties the tables, last first: what the migrations themselves put in comes back from the backup. */
export async function emptyTables(client: pg.Client, shapes: readonly Shape[]): Promise<void> {
  for (const { name } of [...shapes].reverse()) {
    const some = await client.query(`select 1 from public.${quoted(name)} limit 1`);
    if (some.rowCount !== 0) await client.query(`delete from public.${quoted(name)}`);
  }
}

/** Counters of identity columns. They are of no snapshot: a later value only leaves a gap. */
export async function sequencesOf(client: pg.Client): Promise<{ name: string; lastValue: string }[]> {
  const found = await client.query<{ name: string; last: string }>(
    `select sequencename as name, last_value as last from pg_sequences where schemaname = 'public' and last_value is not null order by 1`,
  );
  return found.rows.map((row) => ({ name: row.name, lastValue: row.last }));
}

export async function setSequence(client: pg.Client, sequence: { name: string; lastValue: string }): Promise<void> {
  await client.query("select setval(format('public.%I', $1::text)::regclass, $2::bigint, true)", [
    sequence.name,
    sequence.lastValue,
  ]);
}

/** Names of the migrations that made this schema, in order; none when there is no such table. */
export async function migrationsOf(client: pg.Client): Promise<string[]> {
  const found = await client.query<{ there: boolean }>(
    "select to_regclass('public.schema_migration') is not null as there",
  );
  if (!found.rows[0]?.there) return [];
  const names = await client.query<{ name: string }>('select name from schema_migration order by name collate "C"');
  return names.rows.map((row) => row.name);
}
