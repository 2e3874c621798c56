import type { Logger } from "pino";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { forgetOldTraffic, rollUpTraffic } from "./traffic-hours.store.ts";

/** Growth is put into hours evenly between two rounds: a minute is near enough to the hour's edge. */
const EVERY_MS = 60_000;
/** Old hours go once an hour. */
const ROUNDS_PER_CLEANING = 60;

export interface TrafficHoursOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence" | "guards">;
}

/** Keeps what each service answered by the hour, from the gateways' counters. */
export class TrafficHoursController {
  readonly #o: TrafficHoursOptions;
  #timer: NodeJS.Timeout | null = null;
  #rounds = 0;
  #round: Promise<void> = Promise.resolve();

  constructor(options: TrafficHoursOptions) {
    this.#o = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round = this.#round
        .then(() => this.tick())
        .catch((error: unknown) =>
          this.#o.log.warn({ err: error }, "the traffic could not be brought into its hours this round"),
        );
    }, EVERY_MS);
  }

  /** One round. What it fails to do, the next one does: marks say how far it came. */
  async tick(): Promise<void> {
    const fence = this.#o.lease.fence();
    if (fence === null) return;
    await this.#o.database.transaction(async (tx) => {
      if (await this.#o.lease.guards(tx, fence)) await rollUpTraffic(tx);
    });
    if (this.#rounds++ % ROUNDS_PER_CLEANING === 0) await forgetOldTraffic(this.#o.database.db);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#round;
  }
}
