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
import { BothBackends } from "./store/both.ts";
import { ANSWERS_BY_NAME } from "./store/memory.ts";
import { PostgresBackend, prepareSimulatedTime, SEARCH_PATH } from "./store/postgres.ts";
import { World } from "./world.ts";

/** The same worlds on a real PostgreSQL, with the memory store beside it: what it answers is what the SQL does. */
const SEEDS = 200;
const name = `latchkey_test_sim_${randomBytes(4).toString("hex")}`;
const server = inject("postgres").url;
const addressOf = (database: string) => {
  const address = new URL(server);
  address.pathname = `/${database}`;
  return address.toString();
};

const dir = temporaryDirectory();
const clockFile = join(dir, "now");

beforeAll(async () => {
  // PostgreSQL may run as another user.
  chmodSync(dir, 0o711);
  await administer(server, (client) => client.query(`create database ${name} template template0`));
  const client = new pg.Client({ connectionString: addressOf(name) });
  await client.connect();
  await prepareSimulatedTime(client);
  await client.end();
  const address = new URL(addressOf(name));
  address.searchParams.set("options", `-c search_path=${SEARCH_PATH.replaceAll(" ", "")}`);
  const database = openDatabase(address.toString());
  await migrate(database, MIGRATIONS_DIR);
  await database.close();
});
afterAll(async () => {
  await administer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
  removeDirectory(dir);
});

it(`${SEEDS} worlds on PostgreSQL hold every invariant, and the memory store answers as it does`, {
  timeout: 900_000,
}, async () => {
  const broken: string[] = [];
  const asked = new Set<string>();
  let rollouts = 0;
  const create = async (seed: number) => {
    const own = `${name}_${seed}`;
    await administer(server, (client) => client.query(`create database ${own} template ${name}`));
    return own;
  };
  // The next world's database is made while this one's is at work.
  let next = create(1);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const own = await next;
    if (seed < SEEDS) next = create(seed + 1);
    let both: BothBackends | undefined;
    const outcome = await new World({
      seed,
      backend: (nowMs) =>
        (both = new BothBackends(memoryBackend(nowMs), new PostgresBackend(addressOf(own), nowMs, clockFile))),
      plan: { backupAtMs: null, restoreAtMs: [], busyMs: 8_000, newEpochAtMs: seed % 4 === 0 ? 6_000 : null },
    }).run();
    await administer(server, (client) => client.query(`drop database ${own} with (force)`));
    rollouts += outcome.rollouts;
    for (const operation of both?.asked ?? []) asked.add(operation);
    broken.push(...outcome.violations.map((words) => `seed ${seed}: ${words}`));
    for (const { operation, words } of both?.differences ?? []) broken.push(`seed ${seed}: ${operation}: ${words}`);
    if (broken.length > 20) break;
  }
  expect(broken).toEqual([]);
  expect(rollouts).toBeGreaterThan(SEEDS / 2);
  const never = Object.keys(ANSWERS_BY_NAME).filter((operation) => !asked.has(operation));
  expect(never).toEqual([]);
});
