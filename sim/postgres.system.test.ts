import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { openDatabase } from "../apps/server/src/platform/database.ts";
import { migrate } from "../apps/server/src/platform/migrate.ts";
import { administer, MIGRATIONS_DIR } from "../apps/server/src/testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../apps/server/src/testing/directory.ts";
import { memoryBackend } from "./backend.ts";
import { type Plan, planOf } from "./plan.ts";
import { BothBackends } from "./store/both.ts";
import { ANSWERS_BY_NAME } from "./store/memory.ts";
import { PostgresBackend, prepareSimulatedTime, SEARCH_PATH } from "./store/postgres.ts";
import { World } from "./world.ts";

/** The same worlds on a real PostgreSQL, with the memory store beside it: what it answers is what the SQL does. */
const ALL_SEEDS = 200;
const SEEDS = process.env.LATCHKEY_TESTS === "full" ? ALL_SEEDS : 60;
const name = `latchkey_test_sim_${randomBytes(4).toString("hex")}`;
const server = inject("postgres").url;
const addressOf = (database: string) => {
  const address = new URL(server);
  address.pathname = `/${database}`;
  return address.toString();
};

const dir = temporaryDirectory();
const clockFile = join(dir, "now");
/** What the tables hold before anything has happened. */
const first = new Map<string, string>();
let owner: pg.Client;

beforeAll(async () => {
  // PostgreSQL may run as another user.
  chmodSync(dir, 0o711);
  await administer(server, (client) => client.query(`create database ${name} template template0`));
  owner = new pg.Client({ connectionString: addressOf(name) });
  await owner.connect();
  await prepareSimulatedTime(owner);
  const address = new URL(addressOf(name));
  address.searchParams.set("options", `-c search_path=${SEARCH_PATH.replaceAll(" ", "")}`);
  const database = openDatabase(address.toString());
  await migrate(database, MIGRATIONS_DIR);
  await database.close();
  const tables = await owner.query<{
    name: string;
  }>(`select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
    where schemaname in ('sim', 'public') and tablename <> 'schema_migration'`);
  for (const table of tables.rows) {
    const rows = await owner.query<{ all: string }>(
      `select coalesce(json_agg(t), '[]')::text as all from ${table.name} t`,
    );
    first.set(table.name, rows.rows[0]?.all ?? "[]");
  }
  // The ledger's tables refuse to be emptied, by triggers.
  await owner.query("set session_replication_role = replica");
});

/** A world's own plan with less time in it: a question to PostgreSQL costs a hundred times what it costs in memory. */
function shortened(seed: number): Partial<Plan> {
  const { strategy } = planOf(seed);
  return {
    strategy: {
      ...strategy,
      steps: strategy.steps.map((step) => ({ ...step, bakeMs: 1_000 })),
      maximumMs: strategy.maximumMs / 4,
      holdbackMs: strategy.holdbackMs / 5,
    },
    requestsPerSecond: 30,
    busyMs: 8_000,
    backupAtMs: null,
    restoreAtMs: [],
    // Time in which much is asked and nothing happens.
    hungLoop: null,
    nobody: seed % 10 === 2 ? planOf(seed).nobody : null,
    newEpochAtMs: seed % 4 === 0 ? 6_000 : null,
  };
}

/** Everything as it was after the migrations: in 10 ms, where a database of its own takes 150 and, on a busy disk, 1,500. */
async function beginAnew(): Promise<void> {
  await owner.query(`truncate ${[...first.keys()].join(", ")} restart identity`);
  for (const [table, rows] of first)
    if (rows !== "[]")
      await owner.query(
        `insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, $1)`,
        [rows],
      );
}

afterAll(async () => {
  await owner.end();
  await administer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
  removeDirectory(dir);
});

it(`${SEEDS} worlds on PostgreSQL hold every invariant, and the memory store answers as it does`, {
  timeout: 900_000,
}, async () => {
  const broken: string[] = [];
  const asked = new Set<string>();
  let rollouts = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    await beginAnew();
    let both: BothBackends | undefined;
    const outcome = await new World({
      seed,
      backend: (nowMs) =>
        (both = new BothBackends(memoryBackend(nowMs), new PostgresBackend(addressOf(name), nowMs, clockFile))),
      plan: shortened(seed),
    }).run();
    rollouts += outcome.rollouts;
    for (const operation of both?.asked ?? []) asked.add(operation);
    broken.push(...outcome.violations.map((words) => `seed ${seed}: ${words}`));
    for (const { operation, words } of both?.differences ?? []) broken.push(`seed ${seed}: ${operation}: ${words}`);
    if (broken.length > 20) break;
  }
  expect(broken).toEqual([]);
  expect(rollouts).toBeGreaterThan(SEEDS / 2);
  // The rarest come once in a hundred worlds.
  if (SEEDS < ALL_SEEDS) return;
  const never = Object.keys(ANSWERS_BY_NAME).filter((operation) => !asked.has(operation));
  expect(never).toEqual([]);
});
