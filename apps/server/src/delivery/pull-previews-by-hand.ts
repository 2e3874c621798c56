import { createHash } from "node:crypto";
import type { Repositories } from "@latchkey/core/delivery/ports";
import { previewNameByHand } from "@latchkey/core/delivery/preview";
import type { ServiceRow } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { findPullPreview, insertPullPreview, lockPullPreview, savePullPreview } from "./pull-previews.store.ts";
import { renewal, WAITS } from "./pull-previews.ts";

/** What should be looked at: a commit of the repository's own, and the branch whose history has it. */
export interface WantedPreview {
  readonly branch: string;
  readonly commit: string;
  /** The commit was named, so that a newer one of the branch is something else. */
  readonly isOneCommit: boolean;
}

const invalid = (field: string, detail: string, remedy: string): ProblemError =>
  new ProblemError("LK_INVALID", { detail, remedy, fields: [{ field, message: remedy }] });

/**
 * Brings the branch here and finds the commit in it: asked for now, so that who asks is told what is wrong. A commit counts
 * only where a branch of the repository has it: by its bare name GitHub also hands out what forks have.
 */
export async function commitToPreview(
  repositories: Repositories,
  { name, config }: ServiceRow,
  asked: { readonly branch?: string | undefined; readonly commit?: string | undefined },
): Promise<WantedPreview> {
  const { github, previews } = config;
  if (!previews)
    throw invalid("service", `The configuration of "${name}" has no previews.`, "Add `previews` to it and apply it.");
  if (!github)
    throw invalid(
      "service",
      `"${name}" is not connected to GitHub.`,
      "Add `github` to its configuration and apply it.",
    );
  if (asked.branch === undefined && asked.commit === undefined)
    throw invalid("branch", "Nothing says what should be looked at.", "Name a branch or a commit.");
  const branch = asked.branch ?? github.branch;
  const newest = await repositories.fetch(github.repository, branch);
  if (!newest.ok) {
    if (/find remote ref|invalid refspec/i.test(newest.error))
      throw invalid("branch", `${github.repository} has no branch "${branch}".`, "Push it, or name another one.");
    // Git's words without the address: where the installation looks for repositories is nobody's business.
    const detail = newest.error.replace(/\S*:\/\/\S*/g, `"${github.repository}"`);
    throw new ProblemError("LK_REPOSITORY", { detail });
  }
  if (asked.commit === undefined) return { branch, commit: newest.value, isOneCommit: false };
  const commit = await repositories.commitOf(github.repository, asked.commit);
  if (commit === null || !(await repositories.contains(github.repository, newest.value, commit)))
    throw invalid(
      "commit",
      `The history of "${branch}" has no commit ${asked.commit}.`,
      "Name the branch that has it, or more of the commit's characters.",
    );
  return { branch, commit, isOneCommit: true };
}

/** Writes that there should be a preview, or that the one of that name should serve this commit; answers its name. */
export async function askForPreview(
  tx: Transaction,
  service: ServiceRow,
  o: WantedPreview & {
    readonly reason: string | null;
    readonly actor: Parameters<typeof record>[1]["actor"];
    readonly nowMs: number;
  },
): Promise<string> {
  const { project, name: of, config } = service;
  const endsAtMs = o.nowMs + (config.previews?.ttlMs ?? 0);
  const asked = { branch: o.branch, commit: o.isOneCommit ? o.commit : null };
  const mark = createHash("sha256")
    .update(asked.commit ?? o.branch)
    .digest("hex")
    .slice(0, 6);
  for (const name of [previewNameByHand(asked, null), previewNameByHand(asked, mark)]) {
    if (name === null || config.environments.includes(name)) continue;
    const found = await findPullPreview(tx, project, of, name);
    const there = found && (await lockPullPreview(tx, found.id));
    // Another branch may be called alike but for a character that a host's name can't have.
    const isSame =
      there?.pull_request === null && (o.isOneCommit ? there.wanted_commit === o.commit : there.branch === o.branch);
    if (there && !isSame) continue;
    const id = there?.id ?? newId("pre");
    if (!there)
      await insertPullPreview(tx, {
        ...{ id, project, service: of, name, pull_request: null, branch: o.branch, wanted_commit: o.commit },
        ...{ words: WAITS, ends_at: new Date(endsAtMs) },
      });
    else if (there.wanted_commit === o.commit && (there.state === "ready" || there.state === "building"))
      await savePullPreview(tx, id, { ends_at: new Date(endsAtMs) });
    else await savePullPreview(tx, id, renewal(there, { ...o, endsAtMs }));
    await record(tx, {
      ...{ type: "delivery.preview.opened", subject: `preview/${id}`, project, correlation: id, actor: o.actor },
      data: { service: of, name, branch: o.branch, commit: o.commit, reason: o.reason },
    });
    return name;
  }
  throw new ProblemError("LK_BUSY", { detail: `Another preview or environment is called like "${o.branch}".` });
}
