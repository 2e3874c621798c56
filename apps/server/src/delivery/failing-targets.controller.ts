import { routesItself, targetOf } from "@latchkey/api/targets";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { servicesNamed } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { HeldSince } from "../platform/held-since.ts";
import type { Lease } from "../platform/leases.ts";
import { type FailingTarget, failingTargets, noteToldFailing } from "./targets.store.ts";

/** A provider's reload takes seconds, and a script is tried again every second; what fails for longer is an outage. */
export const UNREACHABLE_AFTER_MS = 30_000;

export interface FailingTargetsOptions {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
}

/**
 * Puts on record that a target which splits its traffic itself can't be told of it any more, and that it can again: once each for an
 * outage, whatever words the target finds for it. What it served before goes on meanwhile.
 */
export class FailingTargetsController {
  readonly #o: FailingTargetsOptions;
  /** For how long this server has spoken to targets. */
  readonly #speaks = new HeldSince();

  constructor(options: FailingTargetsOptions) {
    this.#o = options;
  }

  /** One round; answers whether there may be more to do at once. */
  async tick(): Promise<boolean> {
    const { database, lease, clock } = this.#o;
    const fence = lease.fence();
    // What a server noted long ago, before it ended, may be over: it is spoken to first.
    if (this.#speaks.forMs(fence, clock.monotonic()) < UNREACHABLE_AFTER_MS || fence === null) return false;
    const failing = await failingTargets(database.db, UNREACHABLE_AFTER_MS);
    if (failing.length === 0) return false;
    const services = await servicesNamed(database.db, failing);
    await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return;
      for (const row of await failingTargets(tx, UNREACHABLE_AFTER_MS)) {
        const service = services.find((s) => s.project === row.project && s.name === row.service);
        // Nobody asks anything of one that the configuration does not name any more.
        const target = service && targetOf(service.config, row.environment);
        if (!target || target.kind !== row.kind || !routesItself(target)) continue;
        await noteToldFailing(tx, row, row.error !== null);
        await tell(tx, row);
      }
    });
    return false;
  }
}

function tell(tx: Transaction, { project, service, environment, kind, error, ms }: FailingTarget): Promise<string> {
  const whose = `The target ${kind} of ${service} in ${environment}`;
  const words =
    error === null
      ? `${whose} does what it is asked again, after ${Math.round(ms / 1_000)} s.`
      : `${whose} has not done what it is asked for ${Math.round(ms / 1_000)} s. Visitors are served as before, and no rollout goes on there. It says: ${error}`;
  return record(tx, {
    type: `delivery.target.${error === null ? "returned" : "unreachable"}`,
    subject: `service/${service}`,
    project,
    actor: SYSTEM_ACTOR,
    data: { service, environment, kind, words, forMs: ms },
  });
}
