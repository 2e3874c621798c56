import type { RoutingArm, RoutingTable } from "@latchkey/api/gateway";
import { Pool } from "undici";

const CONNECT_MS = 2_000;
const HEADERS_MS = 30_000;
const BODY_IDLE_MS = 300_000;
const CONNECTIONS = 128;
/** Requests that wait for a process to be started again: two seconds of 500 a second. Beyond, they fail at once. */
const WAITING_MAX = 1_000;
const LATER_MS = 100;

/** An address as a pool needs it: its origin, and the path that goes before each request's own. Null where it is none. */
export function splitAddress(address: string): { origin: string | null; base: string } {
  try {
    const { origin, pathname, protocol } = new URL(address);
    return { origin: /^https?:$/.test(protocol) ? origin : null, base: pathname.replace(/\/+$/, "") };
  } catch {
    return { origin: null, base: "" };
  }
}

/** Connections to the release processes, kept alive per origin and let go when a table no longer names it. */
export class Upstreams {
  readonly #pools = new Map<string, Pool>();
  readonly #alwaysNamed: readonly string[];
  #turn = 0;
  #waiting = 0;

  /** `alwaysNamed` are origins whose connections are kept whatever the table names. */
  constructor(alwaysNamed: readonly string[] = []) {
    this.#alwaysNamed = alwaysNamed;
  }

  pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: CONNECTIONS,
        connect: { timeout: CONNECT_MS },
        headersTimeout: HEADERS_MS,
        bodyTimeout: BODY_IDLE_MS,
        keepAliveTimeout: 4_000,
        pipelining: 1,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** One process of an arm, in turn. */
  originOf(arm: RoutingArm): string {
    this.#turn = (this.#turn + 1) % 1_000_000;
    return arm.upstreams[this.#turn % arm.upstreams.length] ?? "";
  }

  /** Calls back in a moment; false when too many wait already. */
  later(again: () => void): boolean {
    if (this.#waiting >= WAITING_MAX) return false;
    this.#waiting += 1;
    setTimeout(() => {
      this.#waiting -= 1;
      again();
    }, LATER_MS);
    return true;
  }

  /** Closes what the table no longer names; requests in flight there end first. */
  keepOnly(table: RoutingTable): void {
    const named = new Set(this.#alwaysNamed);
    for (const service of table.services) {
      for (const arm of service.arms) for (const origin of arm.upstreams) named.add(origin);
      for (const address of service.assetUpstreams) named.add(splitAddress(address).origin ?? "");
    }
    for (const [origin, pool] of this.#pools) {
      if (named.has(origin)) continue;
      this.#pools.delete(origin);
      pool.close().catch(() => undefined);
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy().catch(() => undefined)));
  }
}

const TIMEOUTS = new Set(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "ETIMEDOUT"]);

const LOST = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** Whether the connection went away, rather than a time-out or an answer that made no sense. */
export function isLostConnection(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && LOST.has(code);
}

/** Nobody listens at that address: nothing of the request went anywhere. */
export const isRefused = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === "ECONNREFUSED";

/** The status that tells a visitor of an upstream's failure: 504 for a time-out, 502 for the rest. */
export function statusOfFailure(error: unknown): 502 | 504 {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && TIMEOUTS.has(code) ? 504 : 502;
}
