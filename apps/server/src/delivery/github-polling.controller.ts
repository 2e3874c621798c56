import type { GithubAsking, PollSubject } from "@latchkey/core/delivery/github/ports";
import type { Logger } from "pino";
import { allServices, type ServiceRow } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { type BranchRow, connectedBranches, wantBranches } from "./github.store.ts";
import { notePoll, openHeads, type PollRow, pollsOf, pullsToReview } from "./github-polling.store.ts";
import { foldTold, sealTold } from "./github-states.ts";

/** Open pull requests whose checks are asked for: with 60 rounds an hour, 1,200 of 5,000 questions. */
const HEADS_MAX = 20;
/** Pull requests whose reviews are asked for: those that are open, or not in production yet. */
const PULLS_MAX = 20;
/** Alerts that a repository does not have, or the token may not see, are asked for once an hour. */
const REFUSED_WAIT_MS = 3_600_000;
/** GitHub keeps what it delivered for three days; what failed is looked for every ten minutes. */
const REDELIVERY_EVERY_MS = 600_000;
const REDELIVERY_SINCE_MS = 3 * 86_400_000;
const REDELIVERY = "redelivery";

export interface PollingOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly asking: GithubAsking;
  readonly subjects: Pick<Subjects, "sealName">;
  readonly hasToken: () => Promise<boolean>;
  /** How often GitHub is asked, where it can't reach this server; null where it can. */
  readonly everyMs: number | null;
  /** Where GitHub delivers to: the hook is found by it. */
  readonly hookUrl: string;
  readonly now: () => number;
  /** There may be something new on a branch. */
  readonly onNews: () => void;
}

/**
 * Finds what GitHub did not bring: asks it for everything in turn, for a server that it can't reach; or else for its failed
 * deliveries once more. What is answered is folded like a delivery: both may run, in any order.
 */
export class PollingController {
  readonly #o: PollingOptions;

  constructor(options: PollingOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null || !(await this.#o.hasToken())) return false;
    const branches = await connectedBranches(database.db);
    const services = await allServices(database.db);
    for (const repository of new Set(branches.map((b) => b.repository))) {
      const own = branches.filter((b) => b.repository === repository);
      const known = new Map((await pollsOf(database.db, repository)).map((row) => [row.what, row]));
      if (this.#o.everyMs === null) await this.#redeliver(repository, known.get(REDELIVERY), fence);
      else
        for (const asked of await this.#questions(repository, own)) {
          if (lease.fence() !== fence) return false;
          await this.#poll(repository, asked, known.get(asked.join("/")), { own, services, fence });
        }
    }
    return false;
  }

  async #questions(repository: string, branches: readonly BranchRow[]): Promise<(readonly [PollSubject, string])[]> {
    const names = [...new Set(branches.map((b) => b.branch))];
    const heads = await openHeads(this.#o.database.db, repository, HEADS_MAX);
    const pulls = await pullsToReview(this.#o.database.db, repository, PULLS_MAX);
    return [
      ...names.flatMap((branch): (readonly [PollSubject, string])[] => [
        ["branch", branch],
        ["pull_request", branch],
      ]),
      ...heads.map((head) => ["check_run", head] as const),
      ...pulls.map((pull) => ["review", String(pull)] as const),
      ["code_scanning_alert", "all"],
      ["dependabot_alert", "all"],
      ["secret_scanning_alert", "all"],
    ];
  }

  async #poll(
    repository: string,
    [what, of]: readonly [PollSubject, string],
    before: PollRow | undefined,
    around: { readonly own: readonly BranchRow[]; readonly services: readonly ServiceRow[]; readonly fence: number },
  ): Promise<void> {
    if (before && !before.is_due) return;
    const { database, lease, asking, subjects, log, everyMs } = this.#o;
    const answer = await asking.poll(repository, what, of, before?.etag ?? null);
    const facts = answer.ok ? (answer.value.facts ?? []) : [];
    const sealed = await sealTold([{ repository, facts }], subjects);
    const isNews = answer.ok && answer.value.facts !== null;
    if (!answer.ok) log.info({ repository, what, problem: answer.error.words }, "GitHub could not be asked");
    const waitMs = answer.ok
      ? (everyMs ?? 0)
      : Math.max(answer.error.retryAfterMs ?? 0, what.endsWith("alert") ? REFUSED_WAIT_MS : (everyMs ?? 0));
    await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, around.fence))) return;
      await foldTold(tx, sealed, around.own, around.services);
      if (isNews && what === "branch") await wantBranches(tx, [{ repository, branch: of }]);
      await notePoll(tx, repository, `${what}/${of}`, {
        etag: answer.ok ? answer.value.etag : (before?.etag ?? null),
        waitMs,
        problem: answer.ok ? null : answer.error.words,
      });
    });
    if (isNews) this.#o.onNews();
  }

  async #redeliver(repository: string, before: PollRow | undefined, fence: number): Promise<void> {
    if (before && !before.is_due) return;
    const { database, lease, asking, log, hookUrl, now } = this.#o;
    const done = await asking.redeliver(repository, hookUrl, now() - REDELIVERY_SINCE_MS);
    if (!done.ok) log.info({ repository, problem: done.error.words }, "failed deliveries could not be asked for again");
    else if (done.value > 0) log.info({ repository, deliveries: done.value }, "failed deliveries were asked for again");
    const waitMs = Math.max(REDELIVERY_EVERY_MS, done.ok ? 0 : (done.error.retryAfterMs ?? 0));
    await database.transaction(async (tx) => {
      if (await lease.guards(tx, fence))
        await notePoll(tx, repository, REDELIVERY, { etag: null, waitMs, problem: done.ok ? null : done.error.words });
    });
  }
}
