import type { Answer } from "@latchkey/api/client";
import { sql } from "kysely";
import { ledgerStanding } from "../ledger/index.ts";
import type { Executor } from "../platform/database.ts";
import type { Protection } from "../platform/database-roles.ts";
import { livingServers } from "../platform/servers.ts";
import { listGateways } from "./gateways.store.ts";
import { currentGeneration } from "./routing.view.ts";

export interface Installation {
  readonly version: string;
  readonly startedAt: Date;
  readonly embeddedDatabase: boolean;
  readonly ledgerPublicKey: string;
  readonly ledgerProtection: Protection;
}

/** This installation as it stands: what an operator asks first. */
export async function viewSystem(db: Executor, o: Installation): Promise<Answer<"getSystem">> {
  const found = await sql<{
    version: string;
    size: string;
  }>`select current_setting('server_version') as version, pg_database_size(current_database()) as size`.execute(db);
  return {
    version: o.version,
    nodeVersion: process.versions.node,
    startedAt: o.startedAt.toISOString(),
    residentBytes: process.memoryUsage.rss(),
    database: {
      version: found.rows[0]?.version ?? "unknown",
      embedded: o.embeddedDatabase,
      sizeBytes: Number(found.rows[0]?.size ?? 0),
    },
    gateways: (await listGateways(db)).map((g) => ({
      id: g.id,
      live: g.live,
      seenAt: g.seen_at.toISOString(),
      applied: { epoch: g.applied_epoch, n: g.applied_n },
      residentBytes: Number(g.resident_bytes),
    })),
    servers: await serversNow(db),
    generation: await currentGeneration(db),
    ledger: {
      ...(await ledgerStanding(db)),
      publicKey: o.ledgerPublicKey,
      protectedByRoles: o.ledgerProtection.byRoles,
      remedy: o.ledgerProtection.remedy,
    },
  };
}

/** What leases call the server that drives the rollouts; null while none does. */
async function leaseHolder(db: Executor): Promise<string | null> {
  const lease = await sql<{
    owner: string;
  }>`select owner from lease where name = 'delivery' and expires_at > now()`.execute(db);
  return lease.rows[0]?.owner ?? null;
}

/** The machine whose server drives the rollouts; null while none does. */
export async function driverOf(db: Executor): Promise<string | null> {
  const owner = await leaseHolder(db);
  return (await livingServers(db)).find((server) => server.id === owner)?.machine ?? null;
}

async function serversNow(db: Executor): Promise<Answer<"getSystem">["servers"]> {
  const owner = await leaseHolder(db);
  return (await livingServers(db)).map(({ id, version, machine, startedAt }) => ({
    ...{ id, version, machine, startedAt: startedAt.toISOString() },
    holdsLease: owner === id,
  }));
}
