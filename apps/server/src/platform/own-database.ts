import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { createDatabaseIfMissing } from "./database.ts";
import { checkGivenDatabase } from "./database-check.ts";
import { ensurePostgres } from "./postgres/embedded.ts";

/** The name of Latchkey's own database in the embedded PostgreSQL. */
const EMBEDDED = "latchkey";

/** Latchkey's own database, by those who may come to it. */
export interface OwnDatabase {
  /** What databases for workloads are created with. */
  readonly base: string;
  /** The owner's: migrates, reads everything, gives rights. */
  readonly ownerUrl: string;
  /** A role that the operator made for the server; null when one is to be made. */
  readonly serverUrl: string | null;
}

/** Finds Latchkey's own database, and starts the embedded PostgreSQL when that is the one. Throws a sentence otherwise. */
export async function ownDatabase(
  config: Pick<Config, "dir" | "databaseUrl" | "databaseOwnerUrl">,
  log: Logger,
): Promise<OwnDatabase> {
  const { databaseUrl } = config;
  if (databaseUrl) await checkGivenDatabase("DATABASE_URL", databaseUrl);
  const given = config.databaseOwnerUrl && withDatabaseOf(config.databaseOwnerUrl, databaseUrl ?? "");
  if (given) await checkGivenDatabase("LATCHKEY_DATABASE_OWNER_URL", given);
  const base = given ?? databaseUrl ?? (await ensurePostgres({ dir: config.dir, log })).url;
  return {
    base,
    ownerUrl: databaseUrl ? base : await createDatabaseIfMissing(base, EMBEDDED),
    serverUrl: given && databaseUrl ? databaseUrl : null,
  };
}

/** The owner works in the server's database, whichever one the address names. */
function withDatabaseOf(ownerUrl: string, serverUrl: string): string {
  const address = new URL(ownerUrl);
  address.pathname = new URL(serverUrl).pathname;
  return address.toString();
}
