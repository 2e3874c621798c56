import { createHash } from "node:crypto";
import type { GithubTelling } from "@latchkey/core/delivery/github/ports";
import { commentOfPreview } from "@latchkey/core/delivery/preview";
import type { Logger } from "pino";
import { allServices } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { listPullPreviews, notePreviewComment, type PullPreviewRow, TOLD_OF_END } from "./pull-previews.store.ts";
import { addressOfPreview } from "./pull-previews.view.ts";

const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 15 * 60_000;

export interface PreviewsToldOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence">;
  readonly telling: Pick<GithubTelling, "comment">;
  readonly hasToken: () => Promise<boolean>;
  readonly gatewayUrl: string;
  readonly now: () => number;
}

/** One comment on each pull request that says where its preview is, kept up to date, and that it is gone in the end. */
export class PreviewsToldController {
  readonly #o: PreviewsToldOptions;
  readonly #waits = new Map<string, { readonly tries: number; readonly untilMs: number }>();

  constructor(options: PreviewsToldOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null) return false;
    const rows = await listPullPreviews(database.db);
    for (const id of this.#waits.keys()) if (!rows.some((row) => row.id === id)) this.#waits.delete(id);
    if (rows.length === 0) return false;
    const hasToken = await this.#o.hasToken();
    const services = await allServices(database.db);
    for (const row of rows) {
      if (lease.fence() !== fence) return false;
      const service = services.find((s) => s.project === row.project && s.name === row.service);
      await this.#tell(row, hasToken ? (service?.config.github?.repository ?? null) : null);
    }
    return false;
  }

  async #tell(row: PullPreviewRow, repository: string | null): Promise<void> {
    const { database, telling, gatewayUrl, log, now } = this.#o;
    const { pull_request: pullRequest } = row;
    if (pullRequest === null) return;
    const known = row.comment_id === null ? null : Number(row.comment_id);
    const isOver = row.state === "ended";
    // Nothing was said of it, so nothing is taken back; and where nothing can be said, nothing is waited for.
    if (isOver && (known === null || row.comment_digest === TOLD_OF_END)) return;
    if (repository === null) {
      if (isOver) await notePreviewComment(database.db, row.id, known, TOLD_OF_END);
      return;
    }
    const address = row.serving_id === null ? null : addressOfPreview(gatewayUrl, row);
    const report = commentOfPreview({
      ...{ service: row.service, name: row.name, pullRequest, words: row.words, address },
      commit: row.serving_commit,
    });
    const digest = isOver ? TOLD_OF_END : createHash("sha256").update(report.body).digest("hex");
    const wait = this.#waits.get(row.id);
    if (digest === row.comment_digest || (wait && wait.untilMs > now())) return;
    const told = await telling.comment(repository, report, known);
    if (told.ok) {
      this.#waits.delete(row.id);
      await notePreviewComment(database.db, row.id, told.value, digest);
      return;
    }
    const { words, retryAfterMs, isGone } = told.error;
    log.warn({ preview: row.name, problem: words }, "GitHub could not be told of a preview");
    // Somebody deleted it: it is made anew when there is news, and not only to say that it is over.
    if (isGone) await notePreviewComment(database.db, row.id, null, isOver ? TOLD_OF_END : null);
    const tries = wait?.tries ?? 0;
    const waitMs = Math.max(retryAfterMs ?? 0, Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(tries, 20)));
    this.#waits.set(row.id, { tries: tries + 1, untilMs: now() + waitMs });
  }
}
