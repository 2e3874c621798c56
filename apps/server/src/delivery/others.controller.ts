import type { Logger } from "pino";
import type { Executor } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { activeDeployments } from "./deployments.store.ts";

/** Looks come every two seconds: those who watch see each of them. */
const EVERY_MS = 1_000;

export interface OthersOptions {
  readonly database: { readonly db: Executor };
  readonly log: Logger;
  readonly lease: Pick<Lease, "held">;
  readonly watched: () => boolean;
  readonly onDeployment: (id: string) => void;
  readonly onRollout: (id: string) => void;
}

/**
 * For those who watch a server that does not hold the lease: what another one does is looked up, as nothing tells of it
 * here. Entries of the ledger come by themselves.
 */
export class OthersController {
  readonly #o: OthersOptions;
  readonly #timer: NodeJS.Timeout;
  /** What was under way at the last look, with its rollout: shown once more when it has ended. */
  #known = new Map<string, string | null>();
  #busy = false;

  constructor(options: OthersOptions) {
    this.#o = options;
    this.#timer = setInterval(() => void this.#round(), EVERY_MS);
  }

  async #round(): Promise<void> {
    if (this.#busy || this.#o.lease.held() || !this.#o.watched()) return;
    this.#busy = true;
    try {
      const active = await activeDeployments(this.#o.database.db);
      const now = new Map(active.map((d) => [d.id, d.rollout_id] as const));
      for (const [id, rolloutId] of new Map([...this.#known, ...now])) {
        this.#o.onDeployment(id);
        if (rolloutId !== null) this.#o.onRollout(rolloutId);
      }
      this.#known = now;
    } catch (error) {
      this.#o.log.warn({ err: error }, "what other servers do could not be looked up");
    } finally {
      this.#busy = false;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
