import { posix } from "node:path";
import { fieldOf } from "@latchkey/core/delivery/github/fold";
import type { Commit, Repositories } from "@latchkey/core/delivery/ports";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { Logger } from "pino";
import { allServices, lockEnvironment, type ServiceRow } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { batchPolicyOf } from "./batches.ts";
import { noteDeployed, saveCommitChange } from "./changes.store.ts";
import { endDeployment } from "./deployments.entries.ts";
import { activeDeployments } from "./deployments.store.ts";
import { type BranchRow, branchFailed, branchSeen, dueBranches, findState, lockBranch } from "./github.store.ts";
import { previewCheckouts } from "./pull-previews.store.ts";
import { writeWish } from "./ship.ts";

/** Of a branch that moved a long way at once, this many of the newest steps are kept as changes. */
const COMMITS_MAX = 200;
const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 300_000;

/** Who asks for what a merge deploys. */
export const GITHUB_ACTOR: Actor = { id: "github", kind: "system", name: "GitHub" };

export interface MergesOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly repositories: Repositories;
  readonly subjects: Pick<Subjects, "sealName">;
  /** A deployment was asked for. */
  readonly wake: () => void;
}

/**
 * Deploys what comes to a service's branch. A delivery only says that there may be something new: what is new is asked of git,
 * so that it does not matter in which order deliveries come, or whether one is lost.
 */
export class MergesController {
  readonly #o: MergesOptions;

  constructor(options: MergesOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null) return false;
    const due = await dueBranches(database.db);
    const services = due.length > 0 ? await allServices(database.db) : [];
    for (const branch of due) {
      const service = services.find((s) => s.project === branch.project && s.name === branch.service);
      if (service) await this.#look(branch, service, fence);
    }
    await this.#clean(fence);
    return false;
  }

  /** When production was reached is noted here, and checkouts that nobody builds from go. */
  async #clean(fence: number): Promise<void> {
    const { database, lease, repositories } = this.#o;
    await database.transaction(async (tx) => {
      if (await lease.guards(tx, fence)) await noteDeployed(tx);
    });
    const active = await activeDeployments(database.db);
    const builds = active.filter((d) => d.source !== null).map((d) => d.id);
    await repositories.keepOnly(new Set([...builds, ...(await previewCheckouts(database.db))]));
  }

  async #look(branch: BranchRow, service: ServiceRow, fence: number): Promise<void> {
    const { database, lease, repositories, log } = this.#o;
    const { github } = service.config;
    if (!github) return;
    const head = await repositories.fetch(github.repository, branch.branch);
    if (!head.ok) {
      const waitMs = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(branch.attempts, 10));
      log.warn({ service: service.name, problem: head.error }, "a branch could not be fetched");
      await branchFailed(database.db, branch, head.error, waitMs);
      return;
    }
    const news = await this.#news(branch, service, head.value);
    const sealed: Commit[] = [];
    for (const commit of news.commits)
      sealed.push({ ...commit, author: await this.#o.subjects.sealName(commit.author) });
    const made = await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence)) || !(await lockBranch(tx, branch))) return 0;
      await branchSeen(tx, branch, head.value);
      for (const { commit, message, author, at } of sealed)
        await saveCommitChange(tx, {
          project: service.project,
          service: service.name,
          title: message,
          author,
          commit,
          at: new Date(at),
        });
      return news.isOfOurTime && github.deployOnMerge ? this.#deploy(tx, service, sealed) : 0;
    });
    if (made > 0) this.#o.wake();
  }

  /** The steps since the last look that concern the service, newest first. What was there when it was connected is not new. */
  async #news(
    branch: BranchRow,
    service: ServiceRow,
    head: string,
  ): Promise<{ readonly commits: readonly Commit[]; readonly isOfOurTime: boolean }> {
    const { database, repositories } = this.#o;
    if (branch.seen_sha === head) return { commits: [], isOfOurTime: true };
    const pushed = await findState(database.db, branch.repository, "branch", `refs/heads/${branch.branch}`);
    const pushedAtMs = pushed ? fieldOf(pushed, "pushedAtMs") : null;
    // Connected and pushed to before the first look: that push is new.
    const isOfOurTime =
      branch.seen_sha !== null || (typeof pushedAtMs === "number" && pushedAtMs >= branch.created_at.getTime());
    const range = { after: branch.seen_sha, upTo: head, limit: branch.seen_sha === null ? 1 : COMMITS_MAX };
    return {
      commits: await repositories.commits(service.config.github?.repository ?? "", range, watchedBy(service)),
      isOfOurTime,
    };
  }

  /**
   * Asks for the deployments, oldest first; answers how many. Where changes go out in batches each of them is one, so that the
   * harmful one can be found; elsewhere only the newest, and those before it that still wait make way.
   */
  async #deploy(tx: Transaction, service: ServiceRow, commits: readonly Commit[]): Promise<number> {
    const { github } = service.config;
    const environment = github?.environment ?? service.config.environments[0] ?? "";
    const policy = batchPolicyOf(service);
    const isBatched = policy.when !== "off";
    const wanted = commits.slice(0, isBatched ? policy.maximumChanges : 1).reverse();
    if (!github || wanted.length === 0 || !service.config.environments.includes(environment)) return 0;
    if (!(await lockEnvironment(tx, service.project, service.name, environment))) return 0;
    const ids: string[] = [];
    for (const { commit, message } of wanted)
      ids.push(
        await writeWish(tx, service, {
          project: service.project,
          service: service.name,
          environment,
          fault: null,
          strategy: null,
          releaseId: null,
          reason: `Merged to ${github.branch}: ${message}`.slice(0, 500),
          ifBusy: isBatched ? "batch" : "queue",
          actor: GITHUB_ACTOR,
          byMachine: true,
          source: { repository: github.repository, branch: github.branch, commit, path: github.path },
        }),
      );
    if (!isBatched) await this.#makeWay(tx, service, environment, ids.at(-1) ?? "");
    return ids.length;
  }

  /** What a newer merge contains need not be built any more, unless it is on its way to visitors. */
  async #makeWay(tx: Transaction, service: ServiceRow, environment: string, newest: string): Promise<void> {
    for (const d of await activeDeployments(tx)) {
      if (d.project !== service.project || d.service !== service.name || d.environment !== environment) continue;
      if (d.id === newest || d.source === null || d.created_by.id !== GITHUB_ACTOR.id || d.rollout_id !== null)
        continue;
      if (!["building", "gating", "queued"].includes(d.status)) continue;
      await endDeployment(tx, d, "superseded", `A newer merge contains it: deployment ${newest} follows.`);
    }
  }
}

/** The folders whose changes are changes of the service. */
function watchedBy({ config }: ServiceRow): readonly string[] {
  if (config.github?.watch) return config.github.watch;
  const folder = posix.join(config.github?.path ?? "", config.source).replace(/\/$/, "");
  // Sources outside of the repository can't be watched: then all of it is.
  return [folder === "." || folder.startsWith("..") ? "" : folder];
}
