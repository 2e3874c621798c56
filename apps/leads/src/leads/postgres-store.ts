import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import type { Lead, NewLead, Note, Status } from "./lead.ts";
import { type LeadStore, newId, SYNTHETIC_KEPT_MS } from "./store.ts";

interface Row {
  id: string;
  created_at: Date;
  status: Status;
  name: string;
  email: string;
  phone: string;
  address: string;
  city: string;
  state: string;
  zip: string;
  property_type: NewLead["property"]["type"];
  value_cents: string | null;
  source: NewLead["source"];
  message: string;
  duplicate_of: string | null;
}
const toLead = (r: Row): Lead => ({
  id: r.id,
  createdAt: r.created_at.toISOString(),
  status: r.status,
  contact: { name: r.name, email: r.email, phone: r.phone },
  property: {
    address: r.address,
    city: r.city,
    state: r.state,
    zip: r.zip,
    type: r.property_type,
    ...(r.value_cents === null ? {} : { valueCents: Number(r.value_cents) }),
  },
  source: r.source,
  message: r.message,
  duplicateOf: r.duplicate_of,
});

export type Observe = (operation: string, table: string, seconds: number) => void;

/** All releases share one database: the number is any constant, the lock makes starting releases take turns. */
const MIGRATION_LOCK = 7_480_001;

export async function migrateLeads(pool: pg.Pool, dir: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await client.query(
      "create table if not exists leads_migration (name text primary key, applied_at timestamptz not null default now())",
    );
    for (const name of readdirSync(dir)
      .filter((f) => f.endsWith(".sql"))
      .sort()) {
      const known = await client.query("select 1 from leads_migration where name = $1", [name]);
      if (known.rowCount) continue;
      await client.query(readFileSync(join(dir, name), "utf8"));
      await client.query("insert into leads_migration (name) values ($1)", [name]);
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** With their notes; a release that knows of none may have taken one for the first lead of a house. */
const FORGET_SYNTHETIC = `with old as (select id from lead where synthetic and created_at <= now() - make_interval(secs => $1)),
  noted as (delete from lead_note where lead_id in (select id from old)),
  linked as (update lead set duplicate_of = null where duplicate_of in (select id from old))
  delete from lead where id in (select id from old)`;

export function postgresStore(pool: pg.Pool, observe: Observe): LeadStore {
  const query = async <T extends pg.QueryResultRow>(
    operation: string,
    table: string,
    sql: string,
    values: unknown[],
  ): Promise<T[]> => {
    const from = performance.now();
    try {
      return (await pool.query<T>(sql, values)).rows;
    } finally {
      observe(operation, table, (performance.now() - from) / 1000);
    }
  };
  const forgetSynthetic = async (ageMs: number): Promise<void> => {
    await query("delete", "lead", FORGET_SYNTHETIC, [ageMs / 1000]);
  };
  return {
    forgetSynthetic,
    add: async (lead, key, synthetic = false) => {
      if (synthetic) await forgetSynthetic(SYNTHETIC_KEPT_MS);
      const { contact: c, property: p } = lead;
      const made = await query<Row>(
        "insert",
        "lead",
        `insert into lead (id, name, email, phone, address, city, state, zip, property_type, value_cents, source, message, idempotency_key, synthetic, duplicate_of)
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14, (select id from lead where not $14 and not synthetic and lower(email) = lower($3) and lower(address) = lower($5) order by id limit 1))
         on conflict (idempotency_key) do nothing returning *`,
        [
          newId(),
          c.name,
          c.email,
          c.phone,
          p.address,
          p.city,
          p.state,
          p.zip,
          p.type,
          p.valueCents ?? null,
          lead.source,
          lead.message,
          key,
          synthetic,
        ],
      );
      if (made[0]) return { lead: toLead(made[0]), created: true };
      const [known] = await query<Row>("select", "lead", "select * from lead where idempotency_key = $1", [key]);
      if (!known) throw new Error("a lead with this key was there and is not");
      return { lead: toLead(known), created: false };
    },
    list: async ({ status, q, cursor, limit }) => {
      const rows = await query<Row>(
        "select",
        "lead",
        `select * from lead where not synthetic and ($1::text is null or status = $1) and ($2::text is null or id < $2)
         and ($3::text is null or name ilike $3 or email ilike $3 or address ilike $3) order by id desc limit $4`,
        [status ?? null, cursor ?? null, q ? `%${q.replace(/[\\%_]/g, "\\$&")}%` : null, limit + 1],
      );
      const items = rows.slice(0, limit).map(toLead);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    find: async (id) => {
      const [row] = await query<Row>("select", "lead", "select * from lead where id = $1", [id]);
      return row ? toLead(row) : null;
    },
    move: async (id, from, to) => {
      const [row] = await query<Row>(
        "update",
        "lead",
        "update lead set status = $3 where id = $1 and status = $2 returning *",
        [id, from, to],
      );
      return row ? toLead(row) : null;
    },
    addNote: async (id, author, body) => {
      const [row] = await query<{ id: string; created_at: Date }>(
        "insert",
        "lead_note",
        "insert into lead_note (id, lead_id, author, body) values ($1,$2,$3,$4) returning id, created_at",
        [newId(), id, author, body],
      );
      return { id: row?.id ?? "", createdAt: (row?.created_at ?? new Date()).toISOString(), author, body };
    },
    notes: async (id) => {
      const rows = await query<{ id: string; created_at: Date; author: string; body: string }>(
        "select",
        "lead_note",
        "select id, created_at, author, body from lead_note where lead_id = $1 order by id limit 200",
        [id],
      );
      return rows.map(
        (r): Note => ({ id: r.id, createdAt: r.created_at.toISOString(), author: r.author, body: r.body }),
      );
    },
    ping: async () => {
      await pool.query("select 1");
    },
  };
}
