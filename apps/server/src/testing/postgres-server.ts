import { randomBytes } from "node:crypto";
import type pg from "pg";
import { pino } from "pino";
import type { TestProject } from "vitest/node";
import { createDatabaseIfMissing, openDatabase } from "../platform/database.ts";
import { grantTo } from "../platform/database-roles.ts";
import { migrate } from "../platform/migrate.ts";
import { ensurePostgres, stopPostgres } from "../platform/postgres/embedded.ts";
import { administer, MIGRATIONS_DIR } from "./database.ts";
import { removeDirectory, temporaryDirectory } from "./directory.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgres: { readonly url: string; readonly template: string; readonly role: string; readonly password: string };
  }
}

/**
 * One PostgreSQL for the whole run: the embedded one, or the server of LATCHKEY_TEST_DATABASE_URL (a superuser or one
 * who may create databases). The migrations run once, into the template that each test file's database is cloned from.
 */
export default async function startPostgres(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.LATCHKEY_TEST_DATABASE_URL;
  const dir = temporaryDirectory();
  const url = given ?? (await ensurePostgres({ dir, log: pino({ level: "silent" }) })).url;
  const template = `latchkey_template_${process.pid}`;
  const database = openDatabase(await createDatabaseIfMissing(url, template));
  await migrate(database, MIGRATIONS_DIR);
  // The rights lie in the template, and so in every copy of it.
  const role = `latchkey_test_${process.pid}`;
  const password = randomBytes(16).toString("hex");
  await administer(url, (client) => client.query(`create role ${role} login password '${password}'`));
  await grantTo(database, role);
  // Nobody may be connected to a template while it is copied.
  await database.close();
  project.provide("postgres", { url, template, role, password });
  return async () => {
    if (given) await administer(url, (client) => removeFrom(client, template, role));
    else await stopPostgres(dir);
    removeDirectory(dir);
  };
}

async function removeFrom(client: pg.Client, template: string, role: string): Promise<void> {
  await client.query(`drop database if exists ${template} with (force)`);
  // A test that was cut short leaves its database, and with it rights of the role.
  await client.query(`drop role ${role}`).catch(() => {});
}
