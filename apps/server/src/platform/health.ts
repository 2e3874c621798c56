import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { Http } from "./http.ts";

interface Check {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly latencyMs: number;
  readonly words: string;
}

/** /livez, /readyz and /healthz, open to all and telling nothing that helps an attacker. */
export function registerHealth(http: Http, o: { database: Database; version: string; isReady: () => boolean }): void {
  http.get("/livez", async () => ({ status: "alive" }));
  http.get("/readyz", async (_, reply) =>
    reply.code(o.isReady() ? 200 : 503).send({ status: o.isReady() ? "ready" : "starting" }),
  );
  // Anybody may ask, so the database is asked for all who ask at the same time together.
  let asked: ReturnType<typeof checksOf> | null = null;
  http.get("/healthz", async (_, reply) => {
    asked ??= checksOf(o.database).finally(() => {
      asked = null;
    });
    const checks = await asked;
    const bad = Object.values(checks).some((check) => check.status === "unhealthy");
    return reply.code(bad ? 503 : 200).send({ status: bad ? "unhealthy" : "healthy", version: o.version, checks });
  });
}

async function checksOf({ db }: Database) {
  const database = await timed(async () => {
    await sql`select 1`.execute(db);
    return "answers";
  });
  const queue = await timed(async () => {
    const found = await sql<{ n: string }>`select count(*) as n from ledger_outbox`.execute(db);
    return `${found.rows[0]?.n ?? 0} ledger entries wait to be numbered`;
  });
  return {
    database,
    cache: { status: "healthy", latencyMs: 0, words: "none is used" } satisfies Check,
    externalApis: { status: "healthy", latencyMs: 0, words: "none is needed" } satisfies Check,
    queue,
  };
}

async function timed(run: () => Promise<string>): Promise<Check> {
  const from = performance.now();
  const latencyMs = () => Math.round((performance.now() - from) * 10) / 10;
  try {
    const words = await run();
    return { status: "healthy", latencyMs: latencyMs(), words };
  } catch {
    return { status: "unhealthy", latencyMs: latencyMs(), words: "does not answer" };
  }
}
