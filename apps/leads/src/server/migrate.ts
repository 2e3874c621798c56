import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { migrateLeads } from "../leads/postgres-store.ts";

/** Brings the database's schema up to date: a step of the deploy, before the functions that need it take requests. */
const url = process.env.DATABASE_URL;
if (!url) {
  process.stdout.write("No DATABASE_URL: there is nothing to migrate.\n");
} else {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 });
  await migrateLeads(pool, join(dirname(fileURLToPath(import.meta.url)), "migrations"));
  await pool.end();
  process.stdout.write("The schema is up to date.\n");
}
