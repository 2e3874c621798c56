import { type RoutingTable, UNWATCHED_HEADER } from "@latchkey/api/gateway";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { isHeld } from "../platform/leases.ts";
import { overtakeGateway } from "./epochs.controller.ts";
import { saveReport, seeGateway } from "./gateways.store.ts";
import { currentGeneration } from "./routing.view.ts";

/** Those who wait for a newer table; woken at once when the routing changes. */
export class RoutingWaiters {
  readonly #waiting = new Set<() => void>();
  #closed = false;

  /** The server stops: nobody waits any longer, nor will. */
  close(): void {
    this.#closed = true;
    this.wakeAll();
  }
  get closed(): boolean {
    return this.#closed;
  }

  wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next wake, or after `ms`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}

/** Gateways whose errors are remembered: ten times as many as one token can speak for. Beyond, the one longest unheard is forgotten. */
const ERRORS_SEEN_MAX = 1_000;

export interface GatewayRoutesOptions {
  readonly database: Database;
  readonly waiters: RoutingWaiters;
  readonly table: () => Promise<RoutingTable>;
  /** A gateway acknowledged or reported: `hasErrors` asks for a look now. */
  readonly onNews: (hasErrors: boolean) => void;
}

export function registerGateways(http: Http, o: GatewayRoutesOptions): void {
  const { db } = o.database;
  let errorsSeen = new Map<string, number>();

  /** A server that answers need not be one that watches: the dead man's switch goes by those who do. */
  const tell = async (reply: { header(name: string, value: string): unknown }) => {
    if (!(await isHeld(db, "delivery"))) reply.header(UNWATCHED_HEADER, "1");
  };

  route(http, "gatewayRouting", async ({ query, reply }) => {
    await seeGateway(db, query.gateway, query.boot, { epoch: query.epoch, n: query.n });
    if (await overtakeGateway(o.database, query.gateway, { epoch: query.epoch, n: query.n }, Date.now()))
      o.waiters.wakeAll();
    o.onNews(false);
    const deadline = performance.now() + query.waitMs;
    let first = true;
    for (;;) {
      const { epoch, n } = await currentGeneration(db);
      const newer = epoch > query.epoch || (epoch === query.epoch && n > query.n);
      // A gateway without a table gets one even when nothing was ever deployed.
      if (newer || (first && query.n === 0)) {
        const table = await o.table();
        if (newer || table.services.length > 0) {
          await tell(reply);
          return table;
        }
      }
      first = false;
      const left = deadline - performance.now();
      if (left <= 0 || o.waiters.closed) {
        await tell(reply);
        return null;
      }
      await o.waiters.wait(Math.min(left, 2_000));
      await seeGateway(db, query.gateway, query.boot, { epoch: query.epoch, n: query.n });
    }
  });

  route(http, "gatewayReport", async ({ body, reply }) => {
    await tell(reply);
    const fresh = await o.database.transaction((tx) => saveReport(tx, body));
    if (!fresh) return null;
    const errors = body.counters.reduce((n, c) => n + c.errors + c.pageErrors, 0);
    const key = `${body.gateway}/${body.boot}`;
    const grew = errors > (errorsSeen.get(key) ?? 0);
    // Only the newest boot of each gateway matters.
    const others = [...errorsSeen].filter(([k]) => !k.startsWith(`${body.gateway}/`));
    errorsSeen = new Map([...others, [key, errors] as const].slice(-ERRORS_SEEN_MAX));
    o.onNews(grew);
    return null;
  });
}
