import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { record } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import { HeldSince } from "../platform/held-since.ts";
import type { Lease } from "../platform/leases.ts";
import { takeLost, takeReturned } from "./gateways.store.ts";

/** A restart takes seconds; whoever is not heard of for longer is away, or cut off. */
export const LOST_AFTER_MS = 30_000;
/** An entry belongs to a project, and gateways serve all of them: this is where those look who run the installation. */
const PROJECT = "main";

export interface LostGatewaysOptions {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
}

/**
 * Puts on record that a gateway is not heard of any more, and that it is again, once each. It may serve all the same: cut off from a
 * server that lives, it goes by its last table, and leaves a canary by itself after a while.
 */
export class LostGatewaysController {
  readonly #o: LostGatewaysOptions;
  /** For how long this server has listened. */
  readonly #listens = new HeldSince();

  constructor(options: LostGatewaysOptions) {
    this.#o = options;
  }

  /** One round; answers whether there may be more to do at once. */
  async tick(): Promise<boolean> {
    const fence = this.#o.lease.fence();
    const listenedMs = this.#listens.forMs(fence, this.#o.clock.monotonic());
    if (fence === null) return false;
    // What nobody listened to is not lost: after a pause of the server all gateways need a moment to call in.
    const mayTell = listenedMs >= LOST_AFTER_MS;
    await this.#o.database.transaction(async (tx) => {
      if (!(await this.#o.lease.guards(tx, fence))) return;
      const tell = (kind: "lost" | "returned", gateway: string, words: string, data: object) =>
        record(tx, {
          type: `delivery.gateway.${kind}`,
          subject: `gateway/${gateway}`,
          project: PROJECT,
          actor: SYSTEM_ACTOR,
          data: { gateway, words, ...data },
        });
      for (const { id, awayMs } of await takeReturned(tx))
        await tell("returned", id, `The gateway ${id} is heard of again, after ${seconds(awayMs)}.`, { awayMs });
      if (!mayTell) return;
      for (const { id, awayMs } of await takeLost(tx, LOST_AFTER_MS)) {
        const words = `The gateway ${id} has not been heard of for ${seconds(awayMs)}. It may have ended, or be cut off: then it serves by its last table, what it counts is not seen, and after the dead man's time it sends nobody to a canary.`;
        await tell("lost", id, words, { awayMs });
      }
    });
    return false;
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
