import { instantOf } from "../../shared/instant.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Fact, FieldValue, Kind } from "./fold.ts";

/** Reads GitHub's payloads: what each delivery says, as facts. Pure and total: whatever comes in, it answers. */
export interface Told {
  /** "owner/name" in small letters, as GitHub takes them for the same. */
  readonly repository: string;
  readonly repositoryId: number;
  readonly facts: readonly Fact[];
}
export const EVENTS = [
  "push",
  "pull_request",
  "pull_request_review",
  "workflow_run",
  "workflow_job",
  "check_run",
  "deployment",
  "deployment_status",
  "release",
  "code_scanning_alert",
  "dependabot_alert",
  "secret_scanning_alert",
] as const;
export type Event = (typeof EVENTS)[number];

/** Longer texts are cut: titles and names are shown in lists. */
const TEXT_MAX = 500;

type Json = Readonly<Record<string, unknown>>;
const objectOf = (value: unknown): Json | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : null;
/** A text as PostgreSQL can store it; null when it is none. */
const textOf = (value: unknown): string | null =>
  typeof value === "string" ? value.replace(/[\0\p{Cs}]/gu, "\ufffd").slice(0, TEXT_MAX) : null;
const numberOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
const timeOf = (value: unknown): number | null => (typeof value === "string" ? instantOf(value) : null);
/** The latest of the moments that are there. */
const latest = (...values: readonly unknown[]): number | null => {
  const times = values.map(timeOf).filter((time) => time !== null);
  return times.length > 0 ? Math.max(...times) : null;
};
const loginOf = (value: unknown): string | null => textOf(objectOf(value)?.login);
const refName = (value: unknown): string | null => textOf(objectOf(value)?.ref);

/** How far a run has come: of two words with the same time the further one is the later. */
const PROGRESS: Readonly<Record<string, number>> = { completed: 2, in_progress: 1 };
const progressOf = (status: unknown): number => PROGRESS[typeof status === "string" ? status : ""] ?? 0;

type Reading = Result<Fact, string>;
const fact = (
  kind: Kind,
  key: number | string | null,
  atMs: number | null,
  rank: number,
  fields: Readonly<Record<string, FieldValue>>,
): Reading => {
  if (key === null || key === "") return err("it does not say which one it is about");
  if (atMs === null) return err("it has no time that can be read");
  return ok({ kind, key: String(key), atMs, rank, fields });
};

const isSameRepository = (pull: Json): boolean => {
  const [head, base] = [pull.head, pull.base].map((side) => numberOf(objectOf(objectOf(side)?.repo)?.id));
  return head !== null && head === base;
};

/** A pull request, as deliveries and the API's lists have it. */
export function pullRequestFact(value: unknown): Reading {
  const pull = objectOf(value);
  if (!pull) return err("pull_request is missing");
  const merged = timeOf(pull.merged_at) !== null;
  const state = merged ? "merged" : pull.state === "closed" ? "closed" : "open";
  return fact(
    "pull_request",
    numberOf(pull.number),
    latest(pull.updated_at, pull.created_at),
    state === "merged" ? 2 : state === "closed" ? 1 : 0,
    {
      state,
      title: textOf(pull.title),
      author: loginOf(pull.user),
      draft: pull.draft === true,
      // A head whose repository is gone, or is not told, is taken for a stranger's.
      fork: !isSameRepository(pull),
      headSha: textOf(objectOf(pull.head)?.sha),
      headRef: refName(pull.head),
      baseRef: refName(pull.base),
      // Before a merge it is a trial merge's commit, which is on no branch.
      mergeSha: merged ? textOf(pull.merge_commit_sha) : null,
      openedAtMs: timeOf(pull.created_at),
      mergedAtMs: timeOf(pull.merged_at),
      closedAtMs: timeOf(pull.closed_at),
    },
  );
}

/** A review, as deliveries and the API's lists have it. */
export function reviewFact(value: unknown, pull: number | null): Reading {
  const of = objectOf(value);
  const state = textOf(of?.state)?.toLowerCase() ?? null;
  const dismissed = state === "dismissed" ? 1 : 0;
  return fact("review", numberOf(of?.id), latest(of?.updated_at, of?.submitted_at), dismissed, {
    state,
    // A list has no time of the dismissal, and nobody takes one back: once told, it stays, whatever comes late.
    ...(dismissed === 1 ? { dismissed: true } : {}),
    author: loginOf(of?.user),
    pull,
    commit: textOf(of?.commit_id),
    submittedAtMs: timeOf(of?.submitted_at),
  });
}

function push(payload: Json): Reading {
  const repository = objectOf(payload.repository);
  // Seconds since 1970 in a push, a moment everywhere else.
  const pushed = repository?.pushed_at;
  const atMs = typeof pushed === "number" && Number.isFinite(pushed) ? pushed * 1000 : timeOf(pushed);
  const head = objectOf(payload.head_commit);
  const written = timeOf(head?.timestamp);
  return fact("branch", textOf(payload.ref), atMs ?? written, written ?? 0, {
    head: textOf(payload.after),
    before: textOf(payload.before),
    deleted: payload.deleted === true,
    forced: payload.forced === true,
    pushedAtMs: atMs ?? written,
  });
}

/** A check run, as deliveries and the API's lists have it. */
export function checkRunFact(value: unknown): Reading {
  const run = objectOf(value);
  return fact("check_run", numberOf(run?.id), latest(run?.started_at, run?.completed_at), progressOf(run?.status), {
    name: textOf(run?.name),
    commit: textOf(run?.head_sha),
    status: textOf(run?.status),
    conclusion: textOf(run?.conclusion),
    externalId: textOf(run?.external_id),
    startedAtMs: timeOf(run?.started_at),
    completedAtMs: timeOf(run?.completed_at),
  });
}

function workflowRun(payload: Json): Reading {
  const run = objectOf(payload.workflow_run);
  return fact("workflow_run", numberOf(run?.id), latest(run?.updated_at, run?.created_at), progressOf(run?.status), {
    name: textOf(run?.name),
    commit: textOf(run?.head_sha),
    branch: textOf(run?.head_branch),
    event: textOf(run?.event),
    attempt: numberOf(run?.run_attempt),
    status: textOf(run?.status),
    conclusion: textOf(run?.conclusion),
    startedAtMs: latest(run?.run_started_at) ?? timeOf(run?.created_at),
    updatedAtMs: timeOf(run?.updated_at),
  });
}

function workflowJob(payload: Json): Reading {
  const job = objectOf(payload.workflow_job);
  const atMs = latest(job?.created_at, job?.started_at, job?.completed_at);
  return fact("workflow_job", numberOf(job?.id), atMs, progressOf(job?.status), {
    name: textOf(job?.name),
    run: numberOf(job?.run_id),
    commit: textOf(job?.head_sha),
    status: textOf(job?.status),
    conclusion: textOf(job?.conclusion),
    startedAtMs: timeOf(job?.started_at),
    completedAtMs: timeOf(job?.completed_at),
  });
}

function deployment(payload: Json): Reading {
  const of = objectOf(payload.deployment);
  return fact("deployment", numberOf(of?.id), latest(of?.updated_at, of?.created_at), 0, {
    commit: textOf(of?.sha),
    environment: textOf(of?.environment),
    createdAtMs: timeOf(of?.created_at),
  });
}

function deploymentStatus(payload: Json): Reading {
  const of = objectOf(payload.deployment_status);
  // Ids grow: of two statuses of one second the one with the larger id is the later.
  const rank = numberOf(of?.id) ?? 0;
  return fact("deployment_status", numberOf(objectOf(payload.deployment)?.id), timeOf(of?.created_at), rank, {
    state: textOf(of?.state),
    environment: textOf(of?.environment),
  });
}

function release(payload: Json): Reading {
  const of = objectOf(payload.release);
  const deleted = payload.action === "deleted";
  return fact("release", numberOf(of?.id), latest(of?.updated_at, of?.published_at, of?.created_at), deleted ? 1 : 0, {
    tag: textOf(of?.tag_name),
    name: textOf(of?.name),
    draft: of?.draft === true,
    prerelease: of?.prerelease === true,
    deleted,
    publishedAtMs: timeOf(of?.published_at),
  });
}

export type AlertKind = "code_scanning_alert" | "dependabot_alert" | "secret_scanning_alert";

/** An alert, as deliveries and the API's lists have it. Never the secret itself, which the payload may hold. */
export function alertFact(kind: AlertKind, value: unknown): Reading {
  const of = objectOf(value);
  const atMs = latest(of?.updated_at, of?.fixed_at, of?.dismissed_at, of?.resolved_at, of?.created_at);
  const state = textOf(of?.state);
  const rule = objectOf(of?.rule);
  const advisory = objectOf(of?.security_advisory);
  return fact(kind, numberOf(of?.number), atMs, state === "open" || state === null ? 0 : 1, {
    state: state ?? (objectOf(of)?.resolution ? "resolved" : "open"),
    severity: textOf(rule?.security_severity_level) ?? textOf(rule?.severity) ?? textOf(advisory?.severity),
    rule: textOf(rule?.id) ?? textOf(advisory?.ghsa_id) ?? textOf(of?.secret_type),
    createdAtMs: timeOf(of?.created_at),
    endedAtMs: latest(of?.fixed_at, of?.dismissed_at, of?.resolved_at),
  });
}

const READERS: Readonly<Record<Event, (payload: Json) => Reading>> = {
  push,
  pull_request: (payload) => pullRequestFact(payload.pull_request),
  pull_request_review: (payload) => reviewFact(payload.review, numberOf(objectOf(payload.pull_request)?.number)),
  workflow_run: workflowRun,
  workflow_job: workflowJob,
  check_run: (payload) => checkRunFact(payload.check_run),
  deployment,
  deployment_status: deploymentStatus,
  release,
  code_scanning_alert: (payload) => alertFact("code_scanning_alert", payload.alert),
  dependabot_alert: (payload) => alertFact("dependabot_alert", payload.alert),
  secret_scanning_alert: (payload) => alertFact("secret_scanning_alert", payload.alert),
};
const isKnown = (event: string): event is Event => (EVENTS as readonly string[]).includes(event);

/** What a delivery says. An event that nobody asked for says nothing; what can't be read is an error that says why. */
export function factsOf(event: string, payload: unknown): Result<Told | null, string> {
  if (!isKnown(event)) return ok(null);
  const body = objectOf(payload);
  const repository = objectOf(body?.repository);
  const name = textOf(repository?.full_name);
  if (!body || name === null) return err(`${event}: it names no repository`);
  const read = READERS[event](body);
  if (!read.ok) return err(`${event}: ${read.error}`);
  return ok({ repository: name.toLowerCase(), repositoryId: numberOf(repository?.id) ?? 0, facts: [read.value] });
}
