import { execFile } from "node:child_process";
import { PLATFORM_SCHEMAS } from "@latchkey/core/delivery/migrations/baseline";
import type { DatabaseTrouble } from "@latchkey/core/delivery/migrations/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";

/** Less than a request may take. */
const TIMEOUT_MS = 50_000;
/** A schema of 10,000 tables has about so much. */
const BYTES_MAX = 20_000_000;

/**
 * The schema as SQL, by the `pg_dump` of the machine: without data, owners, rights, a platform's own schemas and our own table. It
 * must not be older than the database's server.
 */
export function dumpSchema(url: string): Promise<Result<string, DatabaseTrouble>> {
  const address = new URL(url);
  const password = decodeURIComponent(address.password);
  // What is in the arguments every user of the machine can read.
  address.password = "";
  const args = ["--schema-only", "--no-owner", "--no-privileges", "--exclude-table=public.latchkey_migration"];
  for (const schema of PLATFORM_SCHEMAS) args.push(`--exclude-schema=${schema}`);
  const env = { PATH: process.env.PATH, PGPASSWORD: password, PGCONNECT_TIMEOUT: "5" };
  return new Promise((done) => {
    execFile(
      "pg_dump",
      [...args, address.href],
      { env, timeout: TIMEOUT_MS, maxBuffer: BYTES_MAX, encoding: "utf8" },
      (error, stdout, stderr) => {
        if (!error) return done(ok(asFile(stdout)));
        if (error.code === "ENOENT")
          return done(
            err({
              kind: "failed",
              words:
                "There is no pg_dump where the server runs. Install PostgreSQL's client there, or dump the schema by hand.",
            }),
          );
        done(
          err({ kind: "failed", words: `pg_dump did not do it: ${(stderr.trim() || error.message).slice(0, 500)}` }),
        );
      },
    );
  });
}

/** Newer versions write commands for `psql`, which no other reader of SQL knows. */
const asFile = (dump: string): string =>
  dump
    .split("\n")
    .filter((line) => !/^\\(un)?restrict /.test(line))
    .join("\n");
