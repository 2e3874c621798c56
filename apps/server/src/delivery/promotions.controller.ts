import type { Actor } from "@latchkey/core/delivery/rollout";
import type { Logger } from "pino";
import { findService, lockEnvironment, type ServiceRow, servicesWith } from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { standing } from "./promotions.view.ts";
import { writeWish } from "./ship.ts";

/** Who asks for what goes on by itself. */
const PATH_ACTOR: Actor = { id: "path", kind: "system", name: "Path of environments" };

/** Services without a step that goes by itself are not asked for. */
const AUTOMATIC = { promotions: [{ automatic: true }] };

export interface PromotionsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  /** A deployment was asked for. */
  readonly wake: () => void;
}

/** Promotes what has served long enough, where a step is automatic. Each release goes once: what became of it is the last word. */
export class PromotionsController {
  readonly #o: PromotionsOptions;

  constructor(options: PromotionsOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease, log } = this.#o;
    const fence = lease.fence();
    if (fence === null) return false;
    for (const service of await servicesWith(database.db, AUTOMATIC))
      for (const step of service.config.promotions ?? []) {
        if (!step.automatic) continue;
        if ((await standing(database.db, service, step, this.#o.clock.now())).state !== "ready") continue;
        const id = await this.#promote(service, step.to, fence);
        if (id === null) continue;
        log.info({ service: service.name, ...step, deploymentId: id }, "a release goes on by itself");
        this.#o.wake();
      }
    return false;
  }

  /** Looked at again within the transaction that asks for it: two servers, or a second look, ask once. */
  async #promote({ project, name }: ServiceRow, environment: string, fence: number): Promise<string | null> {
    const { database, lease, clock } = this.#o;
    return database.transaction(async (tx) => {
      const service = await findService(tx, project, name);
      const step = service?.config.promotions?.find(({ to, automatic }) => to === environment && automatic);
      if (!service || !step || !(await lease.guards(tx, fence))) return null;
      if (!(await lockEnvironment(tx, project, name, environment))) return null;
      const { state, release, servedBy } = await standing(tx, service, step, clock.now());
      if (state !== "ready" || release === null || servedBy === null) return null;
      return writeWish(tx, service, {
        ...{ project, service: name, environment, fault: null, strategy: null, releaseId: release.id },
        reason: `Has served ${step.from} long enough.`,
        ifBusy: "queue",
        actor: PATH_ACTOR,
        byMachine: true,
        promotedFrom: { environment: step.from, deploymentId: servedBy },
      });
    });
  }
}
