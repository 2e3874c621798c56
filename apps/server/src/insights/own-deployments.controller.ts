import type { Entry } from "@latchkey/core/catalog/notifications/entry";
import type { Fact } from "@latchkey/core/insights/history";
import type { Logger } from "pino";
import { deploymentHistories } from "../delivery/index.ts";
import { allEntriesAfter } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { Loop } from "../platform/loop.ts";
import type { Notifications } from "../platform/notifications.ts";
import { takeIn } from "./facts.controller.ts";
import { lockInsightCursor, moveInsightCursor, readInsightCursor } from "./facts.store.ts";
import { ownFacts } from "./own-facts.ts";

const ENTRIES_AT_ONCE = 200;
/** Word of new entries comes at once; a look finds what came while nobody listened. */
const LOOK_MS = 2_000;

export interface OwnDeploymentsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  /** Tells when there are new entries. */
  readonly announcements: Pick<Notifications, "on">;
  readonly onTaken: () => void;
}

/**
 * Follows the ledger behind a cursor of its own and reads anew what each entry is about: cursor and facts in one
 * transaction, so that no deployment is passed over, whoever dies when. It begins at the first entry of all.
 */
export class OwnDeployments {
  readonly #o: OwnDeploymentsOptions;
  readonly #loop: Loop;
  #deafen = () => {};
  #stopped = false;

  constructor(o: OwnDeploymentsOptions) {
    this.#o = o;
    this.#loop = new Loop({ ...o, of: "taking deployments into insights", everyMs: LOOK_MS });
  }

  start(): void {
    this.#deafen = this.#o.announcements.on("ledger", () => this.#loop.wake());
    this.#loop.run(async () => {
      while (!this.#stopped && (await this.round()) === ENTRIES_AT_ONCE);
    });
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#deafen();
    return this.#loop.stop();
  }

  /** One round; answers how many entries it has read. */
  async round(): Promise<number> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null) return 0;
    // Most looks find nothing: that is found out without a transaction.
    if ((await allEntriesAfter(database.db, await readInsightCursor(database.db), 1)).length === 0) return 0;
    const read = await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return 0;
      const rows = await allEntriesAfter(tx, await lockInsightCursor(tx), ENTRIES_AT_ONCE);
      const last = rows.at(-1);
      if (!last) return 0;
      const atMs = Date.parse((JSON.parse(last.canonical) as Entry).occurredAt);
      const told = new Set<string>();
      for (const row of rows) {
        const entry = JSON.parse(row.canonical) as Entry;
        const [kind, id] = entry.subject.split("/");
        if ((kind === "deployment" || kind === "rollout") && id !== undefined) told.add(id);
      }
      const histories = await deploymentHistories(tx, [...told]);
      const byProject = new Map<string, Fact[]>();
      for (const d of histories) {
        const facts = byProject.get(d.project) ?? [];
        facts.push(...ownFacts(d, last.sequence, atMs));
        byProject.set(d.project, facts);
      }
      for (const [project, facts] of byProject) await takeIn(tx, project, facts);
      await moveInsightCursor(tx, last.sequence);
      return rows.length;
    });
    if (read > 0) this.#o.onTaken();
    return read;
  }
}
