import type { CommentReport, DeploymentReport, StatusReport } from "./github/ports.ts";

/** Which previews of pull requests a service should have: decided from what is open and what is there. */
export interface PreviewPolicy {
  /** So long a preview stays after its newest commit. */
  readonly ttlMs: number;
  /** So many take up processes at once. */
  readonly most: number;
}
export interface OpenPull {
  readonly number: number;
  readonly commit: string;
  readonly branch: string;
  /** From another repository: a stranger's code. Where that is not known it counts as one. */
  readonly isFork: boolean;
}
export type PreviewStateName = "waiting" | "building" | "ready" | "failed" | "ended";
export interface PreviewFacts {
  readonly name: string;
  /** Null of one that a person asked for: it needs no pull request, and none closes it. */
  readonly pullRequest: number | null;
  readonly state: PreviewStateName;
  readonly wantedCommit: string;
  /** The commit whose build began last; null where none did, and of one that ended because its pull request was closed. */
  readonly triedCommit: string | null;
  /** Whether a run serves, or is on its way up. */
  readonly hasRun: boolean;
  readonly isBuilding: boolean;
  readonly endsAtMs: number;
  /** Not before then is what failed for a while tried again. */
  readonly nextAtMs: number;
  /** Something of it, besides runs, is still to be taken away. */
  readonly hasRemains: boolean;
}
export type PreviewEnd = "closed" | "expired" | "off" | "taken";
export type PreviewStep =
  | { readonly kind: "open" | "renew"; readonly name: string; readonly pull: OpenPull; readonly endsAtMs: number }
  | { readonly kind: "end"; readonly name: string; readonly why: PreviewEnd }
  | { readonly kind: "build" | "wait" | "forget"; readonly name: string };

export const previewNameOf = (pullRequest: number): string => `pr-${pullRequest}`;

/** A part of a host's name may have 63 characters; this leaves room for a mark behind it. */
const NAME_MAX = 30;

/**
 * What a preview is called that was asked for by hand: of the branch's name what a host's name may have, or of the commit where one
 * was named. Null where nothing is left of it, or it could be taken for a pull request's: `mark` then stands behind it, as it does
 * for a name that is taken.
 */
export function previewNameByHand(
  asked: { readonly branch: string; readonly commit: string | null },
  mark: string | null,
): string | null {
  const plain =
    asked.commit === null
      ? asked.branch
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, "-")
          .slice(0, NAME_MAX)
          .replace(/^-+|-+$/g, "")
      : `commit-${asked.commit.slice(0, 8)}`;
  if (mark !== null) return `${/^[a-z]/.test(plain) ? plain : `b-${plain}`}-${mark}`.replace(/-+/g, "-");
  return /^[a-z][a-z0-9-]+$/.test(plain) && !/^pr-[0-9]+$/.test(plain) ? plain : null;
}

/**
 * The steps to take now. `policy` is null where the service has no previews; `taken` are names of its environments. One that
 * ended by time or by hand stays on record until its pull request closes, so that only a newer commit brings it back.
 */
export function previewSteps(
  policy: PreviewPolicy | null,
  pulls: readonly OpenPull[],
  there: readonly PreviewFacts[],
  taken: readonly string[],
  nowMs: number,
): readonly PreviewStep[] {
  const steps: PreviewStep[] = [];
  const open = new Map(policy === null ? [] : pulls.filter((p) => !p.isFork).map((p) => [p.number, p]));
  const mayBe = (p: PreviewFacts) => policy !== null && (p.pullRequest === null || open.has(p.pullRequest));
  let seats = (policy?.most ?? 0) - there.filter((p) => p.hasRun && mayBe(p)).length;
  // Somebody waits for what was asked for by hand. The lowest number is the oldest pull request: it comes next.
  for (const preview of [...there].sort((a, b) => (a.pullRequest ?? 0) - (b.pullRequest ?? 0))) {
    const { name } = preview;
    const pull = preview.pullRequest === null ? undefined : open.get(preview.pullRequest);
    if (policy === null || (preview.pullRequest !== null && !pull)) {
      if (preview.state !== "ended") steps.push({ kind: "end", name, why: policy === null ? "off" : "closed" });
      else if (!preview.hasRemains) steps.push({ kind: "forget", name });
    } else if (pull && (pull.commit !== preview.wantedCommit || isReopened(preview)))
      steps.push({ kind: "renew", name, pull, endsAtMs: nowMs + policy.ttlMs });
    else if (preview.state === "ended") {
      // Nothing would bring back one without a pull request but somebody who asks for it.
      if (!pull && !preview.hasRemains) steps.push({ kind: "forget", name });
    } else if (!pull && taken.includes(name)) steps.push({ kind: "end", name, why: "taken" });
    else if (preview.endsAtMs <= nowMs) steps.push({ kind: "end", name, why: "expired" });
    else if (preview.triedCommit === preview.wantedCommit || preview.isBuilding || preview.nextAtMs > nowMs) continue;
    else if (preview.hasRun) steps.push({ kind: "build", name });
    else if (seats > 0) {
      seats -= 1;
      steps.push({ kind: "build", name });
    } else if (preview.state !== "waiting") steps.push({ kind: "wait", name });
  }
  if (policy === null) return steps;
  const known = new Set(there.map((p) => p.pullRequest));
  for (const pull of open.values()) {
    const name = previewNameOf(pull.number);
    if (!known.has(pull.number) && !taken.includes(name))
      steps.push({ kind: "open", name, pull, endsAtMs: nowMs + policy.ttlMs });
  }
  return steps;
}

/** Its pull request was closed and is open again, before the last of the preview was taken away. */
const isReopened = (preview: PreviewFacts): boolean => preview.state === "ended" && preview.triedCommit === null;

/** What a pull request says of its preview. */
export function commentOfPreview(f: {
  readonly service: string;
  readonly name: string;
  readonly pullRequest: number;
  readonly words: string;
  readonly address: string | null;
  readonly commit: string | null;
}): CommentReport {
  const mark = `<!-- latchkey: ${f.service}/preview ${f.name} -->`;
  // A build's last lines are a pull request's own words: no line of them may mean anything to Markdown.
  const words = f.words.replaceAll("`", "'").replace(/\s+/g, " ").slice(0, 300);
  const where =
    f.address === null ? "has no preview now." : `has a preview of ${f.commit?.slice(0, 8) ?? "it"}: ${f.address}`;
  return { pullRequest: f.pullRequest, mark, body: `${mark}\n**${f.service}** ${where}\n\n\`${words}\`` };
}

/** GitHub's limit for the description of a status. */
const DESCRIPTION_MAX = 140;
const STATES: Readonly<Record<PreviewStateName, StatusReport["state"]>> = {
  waiting: "queued",
  building: "in_progress",
  ready: "success",
  failed: "failure",
  ended: "inactive",
};

/** What GitHub shows of a commit that is no longer there to be looked at. */
export const previewIsGone = (logUrl: string): StatusReport => ({
  state: "inactive",
  description: "This commit's preview is gone.",
  logUrl,
});

/**
 * A preview as deployments of GitHub: one of its newest commit, and one of the commit that is served while the newest is on its
 * way up, or failed. Nothing of one that ended: what GitHub knows of it is then taken back.
 */
export function deploymentsOfPreview(f: {
  readonly id: string;
  readonly service: string;
  readonly name: string;
  readonly state: PreviewStateName;
  readonly words: string;
  readonly wantedCommit: string;
  readonly servingCommit: string | null;
  readonly address: string | null;
  /** Address of the service in the console. */
  readonly url: string;
}): readonly { readonly mark: string; readonly deployment: DeploymentReport; readonly status: StatusReport }[] {
  if (f.state === "ended") return [];
  const commits = new Set([f.wantedCommit, ...(f.servingCommit === null ? [] : [f.servingCommit])]);
  return [...commits].map((commit) => {
    const isServed = commit === f.servingCommit;
    const mark = `${f.id}/${commit}`;
    return {
      mark,
      deployment: {
        ...{ ref: commit, environment: f.name, mark, production: false, transient: true as const },
        description: `Preview of ${f.service} by Latchkey`.slice(0, DESCRIPTION_MAX),
      },
      status: {
        state: isServed ? "success" : STATES[f.state === "ready" ? "waiting" : f.state],
        description: (isServed ? `Serves commit ${commit.slice(0, 8)}.` : f.words.replace(/\s+/g, " ")).slice(
          0,
          DESCRIPTION_MAX,
        ),
        logUrl: f.url,
        ...(isServed && f.address !== null ? { environmentUrl: f.address } : {}),
      },
    };
  });
}
