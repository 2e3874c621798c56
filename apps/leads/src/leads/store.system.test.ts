import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { NewLead } from "./lead.ts";
import { memoryStore } from "./memory-store.ts";
import { migrateLeads, postgresStore } from "./postgres-store.ts";
import type { LeadStore } from "./store.ts";

/** What both stores promise, on a real PostgreSQL and in memory. */
const MIGRATIONS = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "migrations");
const name = `leads_test_${randomBytes(6).toString("hex")}`;
let pool: pg.Pool;
let admin: pg.Client;

beforeAll(async () => {
  const { url } = inject("postgres");
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  pool = new pg.Pool({ connectionString: own.toString(), max: 2 });
  // Connections that are being closed may be ended by the drop of the database before.
  pool.on("error", () => {});
  await migrateLeads(pool, MIGRATIONS);
});
afterAll(async () => {
  await pool.end();
  await admin.query(`drop database ${name} with (force)`);
  await admin.end();
});

const lead = (email: string): NewLead => ({
  contact: { name: "Kim", email, phone: "555-0100-000" },
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "condo" },
  source: "website",
  message: "",
  website: "",
});

describe.each<[string, () => LeadStore]>([
  ["PostgreSQL", () => postgresStore(pool, () => {})],
  ["memory", memoryStore],
])("leads in %s", (_, make) => {
  it("are one for each key, and linked to the first of the same person and house", async () => {
    const store = make();
    const first = await store.add(lead("a@example.org"), `${_}-1`);
    expect(await store.add(lead("a@example.org"), `${_}-1`)).toEqual({ lead: first.lead, created: false });
    const again = await store.add(lead("A@example.org"), `${_}-2`);
    expect(again).toMatchObject({ created: true, lead: { duplicateOf: first.lead.id } });
  });

  it("of synthetic journeys are listed nowhere and nobody's first lead", async () => {
    const store = make();
    const { lead: own } = await store.add(lead("b@example.org"), null, true);
    expect(await store.find(own.id)).toMatchObject({ id: own.id });
    const { lead: real } = await store.add(lead("b@example.org"), null);
    expect(real.duplicateOf).toBeNull();
    const { lead: second } = await store.add(lead("b@example.org"), null, true);
    expect(second.duplicateOf).toBeNull();
    const listed = (await store.list({ limit: 100 })).items.map(({ id }) => id);
    expect(listed).toContain(real.id);
    expect(listed).not.toContain(own.id);
    await store.forgetSynthetic(600_000);
    expect(await store.find(own.id)).toMatchObject({ id: own.id });
    await store.forgetSynthetic(0);
    expect(await store.find(own.id)).toBeNull();
    expect(await store.find(real.id)).toMatchObject({ id: real.id });
  });
});

it("synthetic leads are deleted again, with their notes, also where an older release took one for the first", async () => {
  const store = postgresStore(pool, () => {});
  const { lead: old } = await store.add(lead("c@example.org"), null, true);
  await store.addNote(old.id, "Team", "called");
  const { lead: real } = await store.add(lead("c@example.org"), null);
  await pool.query("update lead set duplicate_of = $1 where id = $2", [old.id, real.id]);
  await pool.query("update lead set created_at = now() - interval '2 minutes' where id = $1", [old.id]);
  await store.add(lead("d@example.org"), null, true);
  expect(await store.find(old.id)).toBeNull();
  expect(await store.find(real.id)).toMatchObject({ duplicateOf: null });
});
