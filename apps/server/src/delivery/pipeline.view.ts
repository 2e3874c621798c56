import type { Answer } from "@latchkey/api/client";
import { type Folded, fieldOf } from "@latchkey/core/delivery/github/fold";
import { type PipelineFacts, progressOf } from "@latchkey/core/delivery/pipeline";
import { sql } from "kysely";
import { listServices, type ServiceRow } from "../catalog/index.ts";
import { type Executor, operation } from "../platform/database.ts";
import { type ChangeRow, listChanges } from "./changes.store.ts";
import type { DeploymentRow } from "./deployments.store.ts";
import {
  type BranchRow,
  checksOfCommits,
  connectedBranches,
  deliveryFigures,
  reviewsOfPulls,
  type StateRow,
} from "./github.store.ts";
import { type Preview, previewsOf } from "./previews.store.ts";
import type { ListedRollout } from "./rollouts.store.ts";

export type PipelineAnswer = Answer<"getPipeline">;
type Item = PipelineAnswer["items"][number];
/** Changes are looked for in so many of the newest deployments: what is on its way is among them. */
const DEPLOYMENTS_MAX = 100;
const SERVICES_MAX = 200;

type Deployment = Omit<DeploymentRow, "build_output"> & {
  readonly commit_sha: string | null;
  readonly message: string | null;
  readonly release_author: string | null;
  readonly machine: ListedRollout["machine"] | null;
  readonly rollout_started_at: Date | null;
  readonly promoted_at: Date | null;
};

/** The newest deployments, each with its release's commit, its rollout and when that was promoted. */
const recentDeployments = operation(
  "recentDeployments",
  async (db: Executor, project: string, service: string | undefined, limit: number): Promise<Deployment[]> => {
    const found =
      await sql<Deployment>`select d.id, d.project, d.service, d.environment, d.status, d.words, d.created_at, d.finished_at,
        d.created_by, d.reason, d.fault, d.strategy, d.if_busy, d.freeze_override, d.window_override, d.release_id, d.previous_release_id, d.rollout_id, d.carrier_id,
        d.splits_id, d.after_id, d.source, d.gates, d.changes, d.carries,
        coalesce(d.source ->> 'commit', r.commit_sha) as commit_sha, r.message, r.author as release_author,
        o.machine, o.started_at as rollout_started_at, p.at as promoted_at
      from deployment d left join release r on r.id = d.release_id left join rollout o on o.id = d.rollout_id
      left join lateral (select min(at) as at from rollout_decision
        where rollout_id = d.rollout_id and decision ->> 'kind' = 'promoted') p on true
      where d.project = ${project} and (${service ?? null}::text is null or d.service = ${service ?? null})
      order by d.id desc limit ${limit}`.execute(db);
    return found.rows;
  },
);
const lateReports = operation("lateReports", async (db: Executor): Promise<number> => {
  const found = await sql<{ n: string }>`select count(*) as n from github_report
    where sent_digest is distinct from digest and attempts > 0`.execute(db);
  return Number(found.rows[0]?.n ?? 0);
});

export interface PipelineOptions {
  readonly db: Executor;
  readonly nowMs: number;
  readonly github: { readonly hasSecret: boolean; readonly identity: "app" | "token" | "nobody" };
}

/** Where each change of a project is, those under way first, then the newest. */
export async function viewPipeline(
  o: PipelineOptions,
  project: string,
  asked: { readonly service?: string | undefined; readonly limit: number },
): Promise<PipelineAnswer> {
  const { db } = o;
  const [services, changes, deployments, branches] = await Promise.all([
    listServices(db, project, "", SERVICES_MAX),
    listChanges(db, project, { service: asked.service, limit: asked.limit }),
    recentDeployments(db, project, asked.service, DEPLOYMENTS_MAX),
    connectedBranches(db),
  ]);
  const own = branches.filter((b) => b.project === project);
  const told = await knownOf(db, own, changes);
  const used = new Set<string>();
  const items: Item[] = [];
  for (const change of changes) {
    const deployment = deploymentOf(change, deployments);
    for (const d of deployments) if (isOf(change, d)) used.add(d.id);
    const branch = own.find((b) => b.service === change.service);
    items.push(itemOf(change, deployment, { branch, told, services, nowMs: o.nowMs }));
  }
  // What was shipped by hand, and commits that nobody told of, are changes too.
  for (const d of deployments)
    if (!used.has(d.id) && d.splits_id === null && items.length < asked.limit * 2)
      items.push(itemOf(changeOf(d), d, { branch: undefined, told, services, nowMs: o.nowMs }));
  items.sort((a, b) => Number(a.over) - Number(b.over) || beginOf(b).localeCompare(beginOf(a)));
  const figures = await deliveryFigures(db);
  const shown = items.slice(0, asked.limit);
  const previews = shown.some(({ change }) => change.pullRequest !== null) ? await previewsOf(db, project) : [];
  return {
    items: shown.map((item) => withPreview(item, previews)),
    connections: own.map((b) => ({
      service: b.service,
      repository: b.repository,
      branch: b.branch,
      seenCommit: b.seen_sha,
      fetchedAt: b.fetched_at?.toISOString() ?? null,
      problem: b.problem,
    })),
    github: {
      webhooks: o.github.hasSecret ? "ready" : "no_secret",
      api: o.github.identity === "nobody" ? "no_token" : "ready",
      identity: o.github.identity,
      waitingDeliveries: figures.waiting,
      unreadableDeliveries: figures.unreadable,
      lateReports: await lateReports(db),
    },
  };
}

/** A pull request's newest preview that is ready. */
function withPreview(item: Item, previews: readonly Preview[]): Item {
  const { pullRequest } = item.change;
  const found = previews.find((p) => p.service === item.service && p.pullRequest === pullRequest);
  return pullRequest !== null && found ? { ...item, previewUrl: found.address } : item;
}

const beginOf = ({ change }: Item): string => change.mergedAt ?? change.committedAt ?? change.openedAt ?? "";

interface Known {
  readonly checks: readonly StateRow[];
  readonly reviews: readonly StateRow[];
}
/** What GitHub told of the changes' checks and reviews. */
async function knownOf(db: Executor, branches: readonly BranchRow[], changes: readonly ChangeRow[]): Promise<Known> {
  const checks: StateRow[] = [];
  const reviews: StateRow[] = [];
  for (const repository of new Set(branches.map((b) => b.repository))) {
    const of = changes.filter((c) => branches.some((b) => b.service === c.service && b.repository === repository));
    const commits = of.flatMap((c) => [c.head_sha, c.commit_sha].filter((sha) => sha !== null));
    checks.push(...(await checksOfCommits(db, repository, [...new Set(commits)])));
    reviews.push(
      ...(await reviewsOfPulls(
        db,
        repository,
        of.map((c) => c.pull_request).filter((n) => n !== null),
      )),
    );
  }
  return { checks, reviews };
}

const isOf = (change: ChangeRow, d: Deployment): boolean =>
  d.service === change.service &&
  change.commit_sha !== null &&
  (d.commit_sha === change.commit_sha || d.changes.some((c) => c.commit === change.commit_sha));

/** The deployment that brings a change: its own, or the newer one that made it needless and contains it. */
function deploymentOf(change: ChangeRow, deployments: readonly Deployment[]): Deployment | null {
  const own = deployments.filter((d) => isOf(change, d));
  const best = own.find((d) => d.id === change.deployment_id) ?? own.find((d) => d.status !== "superseded") ?? own[0];
  if (best?.status !== "superseded" || best.rollout_id !== null) return best ?? null;
  const follower = deployments.findLast(
    (d) => d.id > best.id && d.service === best.service && d.source !== null && d.status !== "superseded",
  );
  return follower ?? best;
}

/** A change that is known by its deployment only. */
function changeOf(d: Deployment): ChangeRow {
  return {
    project: d.project,
    service: d.service,
    key: d.commit_sha ?? d.id,
    pull_request: null,
    commit_sha: d.commit_sha,
    title: d.message || d.reason || (d.fault ? `A rehearsal of ${d.fault}` : "The working tree"),
    author: d.release_author || d.created_by.name,
    state: "merged",
    head_sha: null,
    opened_at: null,
    merged_at: null,
    committed_at: d.created_at,
    deployed_at: d.promoted_at,
    deployment_id: d.id,
  };
}

export function presentChange(
  row: ChangeRow,
  services: readonly Pick<ServiceRow, "name" | "config">[],
): Item["change"] {
  const github = services.find((s) => s.name === row.service)?.config.github;
  const from = row.opened_at ?? row.committed_at;
  const where = row.pull_request === null ? `commit/${row.commit_sha}` : `pull/${row.pull_request}`;
  return {
    service: row.service,
    key: row.key,
    state: row.state,
    title: row.title,
    author: row.author,
    pullRequest: row.pull_request,
    commit: row.commit_sha,
    url:
      github && (row.pull_request !== null || row.commit_sha !== null)
        ? `https://github.com/${github.repository}/${where}`
        : null,
    openedAt: row.opened_at?.toISOString() ?? null,
    mergedAt: row.merged_at?.toISOString() ?? null,
    committedAt: row.committed_at?.toISOString() ?? null,
    deployedAt: row.deployed_at?.toISOString() ?? null,
    deploymentId: row.deployment_id,
    leadTimeMs: row.deployed_at && from ? Math.max(0, row.deployed_at.getTime() - from.getTime()) : null,
  };
}

interface Around {
  readonly branch: BranchRow | undefined;
  readonly told: Known;
  readonly services: readonly ServiceRow[];
  readonly nowMs: number;
}
function itemOf(change: ChangeRow, d: Deployment | null, around: Around): Item {
  const service = around.services.find((s) => s.name === change.service);
  const environment = d?.environment ?? service?.config.github?.environment ?? service?.config.environments[0] ?? "";
  const progress = progressOf(factsOf(change, d, around, service));
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    service: change.service,
    environment,
    change: presentChange(change, around.services),
    stage: progress.stage,
    stages: progress.stages.map(({ name, state, startedAtMs, durationMs, words }) => ({
      name,
      state,
      startedAt: at(startedAtMs),
      durationMs,
      words,
    })),
    trafficPercent: progress.trafficPercent,
    blockedBy: progress.blockedBy,
    over: progress.over,
    deploymentId: d?.id ?? null,
    rolloutId: d?.rollout_id ?? null,
  };
}

const textOf = (state: Folded, name: string): string => String(fieldOf(state, name) ?? "");
const msOf = (state: Folded, name: string): number | null => {
  const value = fieldOf(state, name);
  return typeof value === "number" ? value : null;
};

function factsOf(
  change: ChangeRow,
  d: Deployment | null,
  around: Around,
  service: ServiceRow | undefined,
): PipelineFacts {
  // Of a merged pull request the checks of its own head are what let it be merged.
  const commit = change.head_sha ?? change.commit_sha;
  const checks = around.told.checks.filter((c) => commit !== null && textOf(c.fields, "commit") === commit);
  const reviews = around.told.reviews.filter((r) => String(fieldOf(r.fields, "pull")) === String(change.pull_request));
  const ms = (text: string | null) => (text === null ? null : Date.parse(text));
  return {
    change: {
      state: change.state,
      hasPullRequest: change.pull_request !== null,
      openedAtMs: change.opened_at?.getTime() ?? null,
      mergedAtMs: (change.merged_at ?? change.committed_at)?.getTime() ?? null,
      deployedAtMs: change.deployed_at?.getTime() ?? null,
    },
    checks: checks.map(({ fields }) => ({
      name: textOf(fields, "name"),
      status: textOf(fields, "status"),
      conclusion: textOf(fields, "conclusion") || null,
      startedAtMs: msOf(fields, "startedAtMs"),
      completedAtMs: msOf(fields, "completedAtMs"),
    })),
    changesRequested: reviews.filter((r) => textOf(r.fields, "state") === "changes_requested").length,
    deployment: d && {
      status: d.status,
      words: d.words,
      createdAtMs: d.created_at.getTime(),
      finishedAtMs: d.finished_at?.getTime() ?? null,
      gates: d.gates.map((g) => ({ ...g, startedAtMs: ms(g.startedAt), finishedAtMs: ms(g.finishedAt) })),
    },
    rollout: d?.machine ?? null,
    machine: d?.machine ?? null,
    rolloutStartedAtMs: d?.rollout_started_at?.getTime() ?? null,
    promotedAtMs: d?.promoted_at?.getTime() ?? null,
    obstacle: obstacleOf(around.branch, service),
    nowMs: around.nowMs,
  };
}

function obstacleOf(branch: BranchRow | undefined, service: ServiceRow | undefined): string | null {
  if (branch?.problem) return branch.problem;
  if (service?.config.github?.deployOnMerge === false)
    return "The service is not deployed on a merge (github.deployOnMerge is false): ship it.";
  return null;
}
