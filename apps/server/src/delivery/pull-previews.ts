import type { Run } from "@latchkey/core/delivery/ports";
import { allServices } from "../catalog/index.ts";
import { revokePreviewKeys } from "../flags/index.ts";
import { record } from "../ledger/index.ts";
import type { Executor, Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { listPullPreviews, type PullPreviewRow, reroutePullPreview, savePullPreview } from "./pull-previews.store.ts";

/** Runs of previews are told from those of releases by their ids. */
const RUN = "prv";
export const newPreviewRun = (): string => newId(RUN);
export const isPreviewRun = ({ releaseId }: Run): boolean => releaseId.startsWith(`${RUN}_`);

/** The columns of a preview that should serve another commit: what is being built is of an older one, and not waited for. */
export const renewal = (
  row: Pick<PullPreviewRow, "serving_id">,
  o: { readonly commit: string; readonly branch: string; readonly endsAtMs: number; readonly nowMs: number },
) => ({
  ...{ wanted_commit: o.commit, branch: o.branch, ends_at: new Date(o.endsAtMs) },
  ...{ attempts: 0, next_at: new Date(o.nowMs), tried_commit: null },
  ...{ run_id: null, run_commit: null, run_digest: null },
  ...(row.serving_id === null ? { state: "waiting" as const, words: WAITS } : {}),
});
export const WAITS = "Waits to be built.";

/** What its database is called after: no environment can have such a name, so that a preview never has or drops one's. */
export const databaseOfPreview = (row: Pick<PullPreviewRow, "name" | "pull_request">): string =>
  row.pull_request === null ? `by-hand_${row.name}` : row.name;

/** Takes a preview out of the routing and leaves its runs to be ended, in the transaction that says why. */
export async function endPullPreview(
  tx: Transaction,
  row: PullPreviewRow,
  o: {
    readonly actor: Parameters<typeof record>[1]["actor"];
    readonly reason: string;
    readonly words: string;
    /** It comes back when its pull request is opened again, and not only with a newer commit. */
    readonly mayReopen?: boolean;
  },
): Promise<void> {
  await savePullPreview(tx, row.id, {
    ...{ state: "ended", words: o.words, attempts: 0, tried_commit: o.mayReopen ? null : row.wanted_commit },
    ...{ run_id: null, run_commit: null, run_digest: null },
    ...{ serving_id: null, serving_commit: null, serving_digest: null },
  });
  if (row.serving_id !== null) await reroutePullPreview(tx, row.id);
  const { project, service, name: preview } = row;
  await revokePreviewKeys(tx, { project, service, preview, actor: o.actor });
  await record(tx, {
    ...{ type: "delivery.preview.ended", subject: `preview/${row.id}`, project: row.project, correlation: row.id },
    actor: o.actor,
    data: { service: row.service, name: row.name, commit: row.serving_commit, reason: o.reason },
  });
}

/** The branches that services and their previews are built from, by repository. */
export async function branchesInUse(db: Executor): Promise<Map<string, Set<string>>> {
  const previews = await listPullPreviews(db);
  const kept = new Map<string, Set<string>>();
  for (const { project, name, config } of await allServices(db)) {
    if (!config.github) continue;
    const repository = config.github.repository.toLowerCase();
    const own = previews.filter((row) => row.project === project && row.service === name && row.state !== "ended");
    const branches = kept.get(repository) ?? new Set();
    for (const branch of [config.github.branch, ...own.map((row) => row.branch)]) branches.add(branch);
    kept.set(repository, branches);
  }
  return kept;
}
