import { type RawBuilder, sql } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { type Clock, systemClock } from "./clock.ts";

/**
 * Word from other servers on the same PostgreSQL (LISTEN and NOTIFY). It only hastens polling: behind a pooler that
 * hands connections out by transaction nothing arrives here, and everything is as true, a poll later.
 */
export type Topic = "ledger" | "routing" | "errors" | "approvals" | "flags";
const TOPICS: readonly Topic[] = ["ledger", "routing", "errors", "approvals", "flags"];
const CHANNEL = "latchkey";

/** SQL for the transaction of the change: PostgreSQL sends it when that commits, and never otherwise. */
export function announce(topic: Topic): RawBuilder<unknown> {
  return sql`select pg_notify(${CHANNEL}, ${topic})`;
}

export interface Notifications {
  /** Calls `listener` when another server (or this one) announced the topic. Answers the way to stop. */
  on(topic: Topic, listener: () => void): () => void;
  /** Whether the connection stands; when it does not, polling is all there is. */
  connected(): boolean;
  stop(): Promise<void>;
}

/** The first try comes at once; a database that restarts is back within seconds, and then nobody should wait long. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 10_000;

/** Listens on a connection of its own, made anew for as long as it takes: the pool's are handed from query to query. */
export function listenForNotifications(url: string, log: Logger, clock: Clock = systemClock): Notifications {
  const listeners = new Map<Topic, Set<() => void>>(TOPICS.map((topic) => [topic, new Set()]));
  const tell = (topic: Topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };
  let client: pg.Client | null = null;
  let connected = false;
  let stopped = false;
  let retryMs = RETRY_MIN_MS;
  let callOff = () => {};

  const again = (of: pg.Client) => {
    if (stopped || client !== of) return;
    client = null;
    connected = false;
    of.end().catch(() => {});
    callOff = clock.after(retryMs, () => void connect());
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
  };
  const connect = async (): Promise<void> => {
    const mine = new pg.Client({
      ...{ connectionString: url, connectionTimeoutMillis: 10_000 },
      // Nothing may come for hours: only TCP itself can tell a cut network from silence.
      ...{ keepAlive: true, keepAliveInitialDelayMillis: 5_000 },
    });
    client = mine;
    mine.on("notification", ({ payload }) => {
      const topic = TOPICS.find((known) => known === payload);
      if (topic) tell(topic);
    });
    mine.on("error", () => again(mine));
    mine.on("end", () => again(mine));
    try {
      await mine.connect();
      await mine.query(`listen ${CHANNEL}`);
      if (stopped) return;
      connected = true;
      retryMs = RETRY_MIN_MS;
      // Whatever was announced while nobody listened was missed: all look once.
      for (const topic of listeners.keys()) tell(topic);
    } catch (error) {
      if (!stopped) log.debug({ err: error }, "not listening to other servers; polling goes on");
      again(mine);
    }
  };
  const first = connect();
  return {
    on: (topic, listener) => {
      listeners.get(topic)?.add(listener);
      return () => listeners.get(topic)?.delete(listener);
    },
    connected: () => connected,
    stop: async () => {
      stopped = true;
      connected = false;
      callOff();
      await first.catch(() => {});
      await client?.end().catch(() => {});
    },
  };
}
