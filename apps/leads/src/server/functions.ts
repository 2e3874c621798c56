import pg from "pg";
import type { Logger } from "pino";
import { memoryStore } from "../leads/memory-store.ts";
import { postgresStore } from "../leads/postgres-store.ts";
import { type LeadStore, SYNTHETIC_KEPT_MS } from "../leads/store.ts";
import { healthOf } from "./health.ts";
import { correlationIdOf, createLog, releaseOf } from "./log.ts";

/**
 * The same handlers as serverless functions. An instance answers one request at a time and is frozen in between, so
 * its pool has one connection, given back to nobody while it is frozen: keep it short-lived, and put a pooler
 * (PgBouncer, the provider's own) before the database when there are many instances. The schema is migrated by
 * `migrate.mjs` in the deploy, never by an instance that starts.
 */
export const FUNCTION_POOL = {
  max: 1,
  idleTimeoutMillis: 10_000,
  connectionTimeoutMillis: 3_000,
  statement_timeout: 5_000,
  allowExitOnIdle: true,
} as const;

export interface FunctionRuntime {
  readonly log: Logger;
  readonly release: string;
  readonly store: () => LeadStore;
}

/** One per instance: made at the first request, kept for those that follow. */
export function createRuntime(env: Readonly<Record<string, string | undefined>>): FunctionRuntime {
  const log = createLog(env);
  const url = env.DATABASE_URL;
  let store: LeadStore | null = null;
  const open = (): LeadStore => {
    if (!url) {
      log.warn("no DATABASE_URL: demo mode, leads are kept in this instance's memory");
      return memoryStore();
    }
    const pool = new pg.Pool({ connectionString: url, ...FUNCTION_POOL });
    pool.on("error", (err) => log.warn({ err }, "a database connection was lost; the next request opens another"));
    const opened = postgresStore(pool, (operation, table, seconds) =>
      log.debug({ operation, table, durationMs: Math.round(seconds * 10_000) / 10 }, "query"),
    );
    // An instance keeps no time: what the last journeys left is deleted when the next instance begins.
    opened
      .forgetSynthetic(SYNTHETIC_KEPT_MS)
      .catch((err: unknown) => log.warn({ err }, "synthetic leads were not deleted; the next instance tries again"));
    return opened;
  };
  return {
    log,
    release: releaseOf(env),
    store: () => {
      store ??= open();
      return store;
    },
  };
}

/** Answers the health check: 200 or 503. */
export async function answerHealth(runtime: FunctionRuntime, request: Request): Promise<Response> {
  return answered(runtime, request, async () => {
    const health = await healthOf(() => runtime.store().ping(), runtime.release);
    return { status: health.status === "healthy" ? 200 : 503, body: health, route: "/healthz" };
  });
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly route: string;
}

/** On requests that no visitor sent: what they write is marked. */
const SYNTHETIC_HEADER = "x-latchkey-synthetic";
export const isSynthetic = (request: Request): boolean => request.headers.has(SYNTHETIC_HEADER);

let isCold = true;

/** Around every function: correlation id, log, and a plain 500 for what nobody foresaw. */
export async function answered(
  runtime: FunctionRuntime,
  request: Request,
  work: (url: URL) => Promise<Answer>,
): Promise<Response> {
  const from = performance.now();
  const url = new URL(request.url);
  const correlationId = correlationIdOf(request.headers.get("x-correlation-id"));
  const cold = isCold ? { coldStart: true, sinceProcessStartMs: Math.round(from) } : {};
  isCold = false;
  let answer: Answer;
  try {
    answer = await work(url);
  } catch (err) {
    runtime.log.error({ err, correlationId, path: url.pathname }, "request failed");
    answer = {
      status: 500,
      body: { title: "Internal error", status: 500, detail: "Something went wrong here." },
      route: "failed",
    };
  }
  const durationMs = Math.round((performance.now() - from) * 10) / 10;
  const { status, route } = answer;
  runtime.log.info(
    { correlationId, method: request.method, path: url.pathname, route, status, durationMs, ...cold },
    "request",
  );
  return new Response(JSON.stringify(answer.body), {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-correlation-id": correlationId,
      "x-release": runtime.release,
      ...(isSynthetic(request) ? { [SYNTHETIC_HEADER]: "marked" } : {}),
    },
  });
}
